/** Simulated topics: what the demo and the tests have instead of data files. */
export { CRIME_FIELDS } from '#local/simulator-city.ts'
export { crimeSimulator, type Simulator } from '#local/simulator-crimes.ts'
export { writeCrimesCsv } from '#local/simulator-csv.ts'
export { feedSimulator, type SimulatorProgress } from '#local/simulator-feed.ts'
