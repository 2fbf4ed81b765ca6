const TABLE = new Uint32Array(256)
for (let i = 0; i < 256; i++) {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) * 0xedb8_8320)
  TABLE[i] = value >>> 0
}

/** CRC-32 (IEEE 802.3), as zlib has it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 0xff]!
  return (crc ^ 0xffff_ffff) >>> 0
}
