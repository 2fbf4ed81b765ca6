/**
 * Every code a SluiceError can carry. A code is stable: scripts and alarms match on it, so one is added, never reused
 * and never reworded. The message beside it says what was expected, what was found and what to do.
 */
export const ERROR_CODES = [
  // definition
  'DURATION_INVALID',
  'NAME_INVALID',
  'NAME_DUPLICATE',
  'COLUMN_UNKNOWN',
  'COLUMN_KIND_INVALID',
  'WINDOW_INVALID',
  'PRIMARY_KEY_INVALID',
  'SINK_COLUMN_UNSUPPORTED',
  'PLAN_INVALID',
  'TIME_ZONE_UNKNOWN',
  'TIMESTAMP_FORMAT_INVALID',
  // input files
  'INPUT_NOT_FOUND',
  'INPUT_IS_FOLDER',
  'INPUT_EMPTY',
  'INPUT_UNREADABLE',
  'INPUT_CHANGED',
  'INPUT_FORMAT_UNKNOWN',
  'CSV_COLUMN_UNKNOWN',
  'CSV_COLUMN_MISSING',
  'CSV_COLUMN_DUPLICATE',
  'CSV_HEADER_ONLY',
  // state, data folder, topic
  'DATA_FOLDER_IN_USE',
  'DATA_FOLDER_READ_ONLY',
  'DATA_FOLDER_NOT_FOUND',
  'DISK_FULL',
  'STATE_CORRUPT',
  'STATE_ITEM_FULL',
  'STATE_ITEM_TOO_LARGE',
  'STATE_UNAVAILABLE',
  'STATE_ACCESS_DENIED',
  'STATE_CREDENTIALS_INVALID',
  'STATE_REGION_MISSING',
  'STATE_TABLE_NOT_FOUND',
  'STATE_TABLE_INVALID',
  'WINDOW_STATE_MISMATCH',
  'TOPIC_RECREATED',
  'TOPIC_CORRUPT',
  'TOPIC_PARTITIONS_MISMATCH',
  'TOPIC_MISMATCH',
  'TOPIC_NOT_FOUND',
  'BROKER_UNREACHABLE',
  'BROKER_REFUSED',
  'APPEND_TOO_LARGE',
  'OFFSET_TOO_LARGE',
  'OFFSETS_DESCEND',
  // rebuilding
  'REBUILD_NEEDS_BRONZE',
  'REBUILD_NOT_FOUND',
  'REBUILD_INCOMPLETE',
  'SWITCH_INTERRUPTED',
  // rows and windows
  'AGGREGATE_OUT_OF_RANGE',
  // objects and tables
  'OBJECT_NOT_FOUND',
  'STORE_UNAVAILABLE',
  'STORE_ACCESS_DENIED',
  'STORE_BUCKET_NOT_FOUND',
  'STORE_CREDENTIALS_INVALID',
  'STORE_REGION_WRONG',
  'PARQUET_INVALID',
  'PARQUET_VALUE_INVALID',
  'DELTA_NOT_A_TABLE',
  'DELTA_VERSION_NOT_FOUND',
  'DELTA_LOG_GAP',
  'DELTA_LOG_CORRUPT',
  'DELTA_CHECKPOINT_CORRUPT',
  'DELTA_CHECKSUM_MISMATCH',
  'DELTA_FEATURE_UNSUPPORTED',
  'DELTA_SCHEMA_MISMATCH',
  'DELTA_TRANSACTION_CONFLICT',
  'DELTA_COMMIT_FAILED',
  'DELTA_FILE_MISSING',
  'DELTA_FILE_DAMAGED',
  'DELTA_VECTOR_CORRUPT',
  'DELTA_PATH_OUTSIDE',
  'DELTA_PREDICATE_INVALID',
  'DELTA_TABLE_EXISTS',
  'DELTA_APPEND_ONLY',
  'DELTA_MERGE_INVALID',
  'DELTA_ROWS_REFUSED',
  'DELTA_CHANGES_UNAVAILABLE',
  'DELTA_SCHEMA_CHANGE_REFUSED',
  'DELTA_RETENTION_TOO_SHORT',
  // sinks and queries
  'SQL_SINK_FAILED',
  'SQL_SCHEMA_MISMATCH',
  'SQL_TABLE_TAKEN',
  'QUERY_FAILED',
  // the command line
  'USAGE',
  'PIPELINE_NOT_FOUND',
  'PIPELINE_INVALID',
  'TABLE_UNKNOWN',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface SluiceErrorOptions {
  /** True when the same call may succeed later without anybody changing anything (throttling, a network fault). */
  readonly retryable?: boolean
  /** Facts for machines: names, counts, paths. Never a secret, never a record's content. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** The only error Sluice throws on purpose. `message` says what was expected, what was found and what to do. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: SluiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
  }
}

export function isSluiceError(error: unknown, code?: ErrorCode): error is SluiceError {
  return error instanceof SluiceError && (code === undefined || error.code === code)
}
