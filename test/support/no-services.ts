// The fast tests need Node alone: what the environment names for the integration tests is not for them.
delete process.env['KAFKA_BROKERS']
delete process.env['DATABASE_URL']
for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_DYNAMODB', 'DYNAMODB_ENDPOINT_URL'])
  delete process.env[name]
