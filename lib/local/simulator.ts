/** Simulated topics: what the demo and the tests have instead of data files. */
export { CRIME_FIELDS } from '#local/simulator-city.ts'
export { type CrimeSimulatorOptions, crimeSimulator, type Simulator } from '#local/simulator-crimes.ts'
export { type CrimesCsvOptions, writeCrimesCsv } from '#local/simulator-csv.ts'
export { type FeedSimulatorOptions, feedSimulator, type SimulatorProgress } from '#local/simulator-feed.ts'
