// The AWS SDK for JavaScript against the emulator. In: ENDPOINT, ZIP, NAME.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as L from '@aws-sdk/client-lambda'
import * as C from '@aws-sdk/client-cloudwatch-logs'

const { ENDPOINT: endpoint, ZIP: zip, NAME: FunctionName } = process.env
const access = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' }, maxAttempts: 1 }
const lambda = new L.LambdaClient(access)
const logs = new C.CloudWatchLogsClient(access)
const logGroupName = `/aws/lambda/${FunctionName}`
const invoke = async (payload, more) => {
  const out = await lambda.send(new L.InvokeCommand({ FunctionName, Payload: JSON.stringify(payload), ...more }))
  return { ...out, text: Buffer.from(out.Payload).toString() }
}

await lambda.send(new L.CreateFunctionCommand({
  FunctionName, Runtime: 'provided.al2023', Handler: 'bootstrap', Role: 'arn:aws:iam::123456789012:role/any', MemorySize: 512, Timeout: 60,
  Code: { ZipFile: readFileSync(zip) },
}))
await L.waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName })
assert.equal((await lambda.send(new L.GetFunctionCommand({ FunctionName }))).Configuration.State, 'Active')

let out = await invoke({ name: 'js' }, { LogType: 'Tail' })
assert.equal(out.text, '{"hello":"js"}')
assert.match(Buffer.from(out.LogResult, 'base64').toString(), /REPORT RequestId/)
out = await invoke({ fail: true })
assert.equal(out.FunctionError, 'Unhandled')
assert.match(out.text, /told to fail/)

const stream = await lambda.send(new L.InvokeWithResponseStreamCommand({ FunctionName, Payload: '{"stream":3}', LogType: 'Tail' }))
let parts = '', end
for await (const event of stream.EventStream) {
  if (event.PayloadChunk) parts += Buffer.from(event.PayloadChunk.Payload).toString()
  if (event.InvokeComplete) end = event.InvokeComplete
}
assert.equal(parts, 'part 0;part 1;part 2;')
assert.ok(end.LogResult && !end.ErrorCode)

assert.equal((await lambda.send(new L.PublishVersionCommand({ FunctionName }))).Version, '1')
await L.waitUntilPublishedVersionActive({ client: lambda, maxWaitTime: 60 }, { FunctionName, Qualifier: '1' })
await lambda.send(new L.CreateAliasCommand({ FunctionName, Name: 'live', FunctionVersion: '1' }))
assert.equal((await invoke({ name: 'js' }, { Qualifier: 'live' })).ExecutedVersion, '1')

await lambda.send(new L.PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }))
await assert.rejects(invoke({}), (e) => e instanceof L.TooManyRequestsException && e.Reason === 'ReservedFunctionConcurrentInvocationLimitExceeded')
await lambda.send(new L.DeleteFunctionConcurrencyCommand({ FunctionName }))

const { FunctionUrl } = await lambda.send(new L.CreateFunctionUrlConfigCommand({ FunctionName, AuthType: 'NONE' }))
assert.equal(await (await fetch(FunctionUrl)).text(), '{"hello":""}')
await lambda.send(new L.DeleteFunctionUrlConfigCommand({ FunctionName }))

const messages = []
for (const { logStreamName } of (await logs.send(new C.DescribeLogStreamsCommand({ logGroupName }))).logStreams) {
  const { events } = await logs.send(new C.GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true }))
  messages.push(...events.map((e) => e.message))
}
assert.ok(messages.includes('greeting "js"\n'), messages.join(''))
const count = async (filterPattern) => {
  let n = 0
  for await (const page of C.paginateFilterLogEvents({ client: logs, pageSize: 2 }, { logGroupName, filterPattern })) n += page.events.length
  return n
}
// A reply may be here before the REPORT of its invocation is written.
let reports = await count('REPORT')
while (reports < await count('"START RequestId"')) reports = await count('REPORT')
const { queryId } = await logs.send(new C.StartQueryCommand({
  logGroupName, startTime: 0, endTime: 4102444800, queryString: 'filter @type = "REPORT" | stats count(*) as n',
}))
let found
do {
  await new Promise((r) => setTimeout(r, 100))
  found = await logs.send(new C.GetQueryResultsCommand({ queryId }))
} while (found.status === 'Scheduled' || found.status === 'Running')
assert.deepEqual(found.results, [[{ field: 'n', value: String(reports) }]])

// The client would put "stream-" before the host, which an address can't have.
const tail = new C.CloudWatchLogsClient({ ...access, disableHostPrefix: true })
const session = await tail.send(new C.StartLiveTailCommand({ logGroupIdentifiers: [`arn:aws:logs:us-east-1:123456789012:log-group:${logGroupName}`] }))
live: for await (const event of session.responseStream) {
  if (event.sessionStart) await invoke({ name: 'live' })
  for (const r of event.sessionUpdate?.sessionResults ?? []) if (r.message === 'greeting "live"\n') break live
}
tail.destroy()

await lambda.send(new L.DeleteFunctionCommand({ FunctionName }))
await assert.rejects(lambda.send(new L.GetFunctionCommand({ FunctionName })), L.ResourceNotFoundException)
