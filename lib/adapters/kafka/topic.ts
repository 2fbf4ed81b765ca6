export { KafkaRecordSource, type KafkaTopicOptions } from './source.ts'
export { KafkaTopicWriter } from './writer.ts'
