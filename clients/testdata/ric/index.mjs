// A function for AWS's own runtime interface client of Node.js.
export const handler = async (event, context) => {
  console.log('greeting', event.name)
  if (event.fail) throw new TypeError('told to fail')
  return { hello: event.name, id: context.awsRequestId, arn: context.invokedFunctionArn, left: context.getRemainingTimeInMillis() > 0 }
}

export const stream = awslambda.streamifyResponse(async (event, stream) => {
  for (let i = 0; i < event.stream; i++) stream.write(`part ${i};`)
  stream.end()
})
