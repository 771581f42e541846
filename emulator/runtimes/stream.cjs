'use strict';
// Response streaming of the Node.js runtime: the handler writes its answer in
// parts, which go to the Runtime API as the chunks of one request.
//
// Protocol: docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html,
// "Implementing response streaming in a custom runtime"; handlers:
// .../dg/config-rs-write-functions.html. What happens in the corners (a handler
// that is not async, a stream that nobody ends, an end with data behind a
// prelude) is what AWS's client, aws-lambda-ric 3.3.0, was seen to do.
//
// Loaded by the first use of awslambda, as most functions have none.
const http = require('http');

const marks = {
  streaming: Symbol.for('aws.lambda.runtime.handler.streaming'),
  highWaterMark: Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark'),
};

const errorType = 'Lambda-Runtime-Function-Error-Type';
const errorBody = 'Lambda-Runtime-Function-Error-Body';

// What a handler sees of the request that carries its answer.
const methods = [
  'cork', 'destroy', 'end', 'uncork', 'write', 'addListener', 'emit', 'eventNames', 'getMaxListeners', 'listenerCount',
  'listeners', 'off', 'on', 'once', 'prependListener', 'prependOnceListener', 'rawListeners', 'removeAllListeners',
  'removeListener', 'setMaxListeners', 'setContentType',
];
const properties = [
  'destroyed', 'writable', 'writableFinished', 'writableObjectMode', 'writableBuffer', 'writableEnded',
  'writableNeedDrain', 'writableHighWaterMark', 'writableCorked', 'writableLength', '_onBeforeFirstWrite',
];

// The body of a function URL's response begins with a prelude: status, headers
// and cookies as JSON, and eight bytes of zero. It is sent ahead of the first
// write, so a stream that is only ended has none.
class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType('application/vnd.awslambda.http-integration-response');
    const head = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(head);
      write(new Uint8Array(8));
    };
    return stream;
  }
}

const awslambda = {
  streamifyResponse(handler, options) {
    handler[marks.streaming] = 'response';
    if (typeof options?.highWaterMark === 'number') handler[marks.highWaterMark] = Math.trunc(options.highWaterMark);
    return handler;
  },
  HttpResponseStream,
};

// open begins an answer. The request goes out with its first byte.
function open(to) {
  const request = http.request({
    ...to, method: 'POST', headers: {
      'Lambda-Runtime-Function-Response-Mode': 'streaming', Trailer: [errorType, errorBody],
      'Content-Type': 'application/octet-stream', 'Transfer-Encoding': 'chunked',
    },
  });
  // Subtle: nobody may be waiting yet when this is rejected, as when the
  // handler's source breaks its pipeline. That ends the process, as with AWS's client.
  const answered = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => response.on('end', resolve).on('error', reject).resume());
  });
  let begun = false;
  request.setContentType = (type) => {
    if (begun) {
      const error = new Error('Cannot set content-type, too late.');
      error.name = 'Runtime.InvalidStreamingOperation';
      throw error;
    }
    request.setHeader('Content-Type', type);
  };
  const write = request.write.bind(request);
  request.write = (chunk, encoding, callback) => {
    const bytes = typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk);
    if (!begun) request._onBeforeFirstWrite?.((head) => write(head));
    begun = true;
    return write(bytes, encoding, callback);
  };
  return { request, answered };
}

// writableOf shows a handler the writing side of a request.
function writableOf(request) {
  const stream = {};
  for (const name of methods) stream[name] = request[name].bind(request);
  for (const name of properties) {
    Object.defineProperty(stream, name, { get: () => request[name], set: (value) => { request[name] = value; } });
  }
  return stream;
}

// answer runs a handler and sends what it writes. An error goes behind what
// has been sent, as trailers; record is the error as the Runtime API takes it.
async function answer(handler, event, context, to, record, complaint) {
  const { request, answered } = open(to);
  try {
    const promise = handler(event, writableOf(request), context);
    if (typeof promise?.then !== 'function') throw complaint('Streaming does not support non-async handlers.');
    if ((await promise) !== undefined) console.warn('Streaming handlers ignore return values.');
    await answered;
    if (!request.writableFinished) throw complaint('Response stream is not finished.');
  } catch (error) {
    const said = record(error);
    request.addTrailers({
      [errorType]: said.errorType.replace(/[^\x20-\x7e]/g, '?'),
      [errorBody]: Buffer.from(JSON.stringify(said)).toString('base64'),
    });
    await new Promise((resolve) => request.end(resolve));
  }
}

module.exports = { awslambda, answer, marks };
