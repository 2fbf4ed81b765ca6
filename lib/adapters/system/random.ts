/** Numbers in [0, 1) from the machine's random source: for jitter, never for secrets. */
export const systemRandom = (): number => Math.random()
