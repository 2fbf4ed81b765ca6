export { kafkaClusterId } from './cluster.ts'
export { KafkaRecordSource } from './source.ts'
export { KafkaTopicWriter } from './writer.ts'
