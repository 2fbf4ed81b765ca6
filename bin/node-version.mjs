/** True for a Node that runs TypeScript as it is: 22.18, 23.6 and everything from 24 on. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major >= 24 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)
}
