/** Unique names (GUIDs) for files and transactions. */
export interface Ids {
  next(): string
}
