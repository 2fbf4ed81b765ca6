export { KafkaRecordSource } from './source.ts'
export { KafkaTopicWriter } from './writer.ts'
