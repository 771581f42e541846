'use strict';
// The Node.js runtime of the built-in Lambda: it finds the handler, asks the
// Runtime API for invocations and answers them, one at a time.
//
// Protocol: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// Handler forms, context and log lines: .../dg/nodejs-handler.html,
// nodejs-context.html, nodejs-logging.html, nodejs-exceptions.html
//
// Only what every invocation needs is loaded here: the time that this file
// takes is part of every init duration.
const fs = require('fs');
const http = require('http');
const path = require('path');
const util = require('util');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');

const env = process.env;
const api = '/2018-06-01/runtime';
const [host, port] = splitAddress(env.AWS_LAMBDA_RUNTIME_API || '');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

const since24 = env.AWS_EXECUTION_ENV === 'AWS_Lambda_nodejs24.x';

// streaming marks a handler that awslambda.streamifyResponse was given.
const streaming = Symbol.for('aws.lambda.runtime.handler.streaming');

// Exit statuses after an error that nobody caught.
const exitRejection = 128;
const exitException = 129;

let requestId, tenantId; // of the latest invocation
let phase = 'init'; // then 'invoke' while there is an invocation, or 'idle'

function splitAddress(address) {
  const colon = address.lastIndexOf(':');
  return colon < 0 ? [address, 80] : [address.slice(0, colon), Number(address.slice(colon + 1))];
}

// call makes one request to the Runtime API.
function call(method, target, body, headers, by = agent) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path: api + target, agent: by, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

// ---- logging

const levels = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, fatal: 5 };
const json = (env.AWS_LAMBDA_LOG_FORMAT || '').toUpperCase() === 'JSON';
const threshold = levels[(env.AWS_LAMBDA_LOG_LEVEL || 'trace').toLowerCase()] || 0;

// write puts one record on stdout. Text records are one line: line feeds inside
// become carriage returns, so that the record stays one log event. A JSON record
// has a single argument as it is, and more of them as text.
function write(level, args) {
  if (json && levels[level.toLowerCase()] < threshold) return;
  const now = new Date().toISOString();
  const text = json
    ? encodeRecord({ timestamp: now, level, requestId, tenantId }, args)
    : `${now}\t${requestId}\t${level}\t${util.format(...args)}`.replace(/\n/g, '\r');
  writeAll(Buffer.from(text + '\n'));
}

function encodeRecord(record, args) {
  if (args.length !== 1) {
    const error = args.find(isError);
    return JSON.stringify({ ...record, message: util.format(...args), ...(error && errorFields(error)) });
  }
  try {
    return JSON.stringify({ ...record, message: args[0] }, (_, value) =>
      (isError(value) ? { ...errorFields(value), ...value } : value));
  } catch {
    return JSON.stringify({ ...record, message: util.format(args[0]) });
  }
}

function errorFields(error) {
  const name = error instanceof RuntimeError ? error.name.replace('Runtime.', '') : error.constructor?.name;
  return { errorType: name ?? 'UnknownError', errorMessage: error.message, stackTrace: describe(error).trace };
}

function writeAll(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // nobody reads the log any more
    }
  }
}

function patchConsole() {
  const names = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR', trace: 'TRACE' };
  for (const [name, level] of Object.entries(names)) {
    console[name] = (...args) => write(level, args);
  }
  console.fatal = (...args) => write('FATAL', args);
}

// logError prints an error with its stack as the fields of a JSON object.
function logError(level, title, thrown) {
  const error = isError(thrown) ? thrown : new Error(describe(thrown).errorMessage);
  if (json) return write(level, [error]);
  const record = describe(error);
  const detail = { errorType: record.errorType, errorMessage: record.errorMessage, ...error, stack: record.trace };
  write(level, [`${title} \t${stringify(detail)}`]);
}

function stringify(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return util.inspect(value);
  }
}

// ---- errors

// A fault that the runtime itself names, such as Runtime.HandlerNotFound.
class RuntimeError extends Error {
  constructor(name, message, cause) {
    super(message);
    Object.defineProperty(this, 'name', { value: name });
    if (cause && cause.stack) this.stack = cause.stack;
  }
}

const isError = (value) => value instanceof Error || util.types.isNativeError(value);

// describe is the error as the Runtime API takes it.
function describe(error) {
  if (isError(error)) {
    return {
      errorType: String(error.name),
      errorMessage: String(error.message),
      trace: String(error.stack || '').split('\n'),
    };
  }
  if ((error === null || error === undefined) && !since24) return describe('handled');
  try {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return describe('callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack');
  }
}

function postError(target, error, by) {
  const record = describe(error);
  return call('POST', target, JSON.stringify(record), {
    'Content-Type': 'application/json',
    'Lambda-Runtime-Function-Error-Type': record.errorType.replace(/[^\x20-\x7e]/g, '?'),
  }, by);
}

// ---- the handler

// splitHandler cuts "src/app.nested.handler" into the module "src/app" and the
// names "nested", "handler".
function splitHandler(text) {
  if (text.includes('..')) {
    throw new RuntimeError('Runtime.MalformedHandlerName',
      `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const slash = text.lastIndexOf('/') + 1;
  const dot = text.indexOf('.', slash);
  if (dot < 0 || dot === slash || dot === text.length - 1) {
    throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler');
  }
  return [text.slice(0, dot), text.slice(dot + 1).split('.')];
}

function isFile(name) {
  try {
    return fs.statSync(name).isFile();
  } catch {
    return false;
  }
}

// findModule gives the file of a module: as it stands, with an extension, or
// where Node.js itself would find it.
function findModule(root, name) {
  const full = path.resolve(root, name);
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    if (isFile(full + extension)) return full + extension;
  }
  const fromRoot = createRequire(path.join(root, 'noop.js'));
  try {
    return fromRoot.resolve('./' + name);
  } catch {
    return fromRoot.resolve(name);
  }
}

// isModule decides as Node.js does: by extension, or by the nearest
// package.json.
function isModule(file) {
  const extension = path.extname(file);
  if (extension !== '.js') return extension === '.mjs';
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    if (isFile(path.join(dir, 'package.json'))) {
      try {
        return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (dir === path.dirname(dir)) return false;
  }
}

async function loadModule(root, name) {
  try {
    const file = findModule(root, name);
    return isModule(file) ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('Runtime.UserCodeSyntaxError', String(error), error);
    if (error && (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND')) {
      throw new RuntimeError('Runtime.ImportModuleError', String(error), error);
    }
    throw error;
  }
}

async function loadHandler(text) {
  const [name, names] = splitHandler(text);
  const module = await loadModule(env.LAMBDA_TASK_ROOT || process.cwd(), name);
  const handler = dig(module, names) ?? dig(module.default, names);
  if (handler === undefined || handler === null) {
    throw new RuntimeError('Runtime.HandlerNotFound', `${text} is undefined or not exported`);
  }
  if (typeof handler !== 'function') {
    throw new RuntimeError('Runtime.HandlerNotFound', `${text} is not a function`);
  }
  const kind = handler[streaming];
  if (kind && kind !== 'response') {
    throw new RuntimeError('Runtime.MalformedStreamingHandler', 'Only response streaming is supported.');
  }
  if (!kind && handler.length >= 3 && since24) {
    throw new RuntimeError('Runtime.CallbackHandlerDeprecated', 'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. '
      + 'You need to modify this function to use a supported handler signature to use Node.js 24 or later. '
      + 'For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.');
  }
  return handler;
}

function dig(value, names) {
  for (const name of names) value = value?.[name];
  return value;
}

// ---- one invocation

function makeContext(headers, options) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: requestId,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parseHeader(headers['lambda-runtime-client-context']),
    identity: parseHeader(headers['lambda-runtime-cognito-identity']),
    tenantId: headers['lambda-runtime-aws-tenant-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  if (since24) return Object.assign(context, { xRayTraceId: headers['lambda-runtime-trace-id'] });
  Object.defineProperty(context, 'callbackWaitsForEmptyEventLoop', {
    enumerable: true,
    get: () => options.wait,
    set: (value) => { options.wait = Boolean(value); },
  });
  if (!options.settle) return context; // it streams
  return Object.assign(context, {
    done: (error, result) => options.settle(error, result),
    succeed: (result) => options.settle(null, result),
    fail: (error) => options.settle(error ?? 'handled'),
  });
}

function parseHeader(text) {
  return text ? JSON.parse(text) : undefined;
}

// run gives what the handler answers. It rejects with what the handler threw.
//
// An async handler answers with its promise. A callback handler answers with
// its callback, but only once the event loop is empty, unless it has set
// callbackWaitsForEmptyEventLoop to false. If the loop is empty and nobody has
// answered, the answer is null. From Node.js 24 on the answer is what the handler
// returns, and a handler that never settles ends the process.
function run(handler, event, headers) {
  if (since24) return handler(event, makeContext(headers, {}));
  return new Promise((resolve, reject) => {
    const failed = (error) => error !== null && error !== undefined;
    const settle = (error, result) => (failed(error) ? reject(error) : resolve(result));
    const options = {
      wait: true,
      settle, // at once: what the context's own methods do
      finish(error, result) {
        if (failed(error) || !options.wait) return settle(error, result);
        options.result = options.result ?? { value: result };
      },
    };
    run.idle = () => settle(null, options.result?.value);
    const callback = (error, result) => options.finish(error, result);
    const answer = handler(event, makeContext(headers, options), callback);
    if (typeof answer?.then === 'function') answer.then(resolve, reject);
  });
}

async function invoke(handler, next) {
  phase = 'invoke';
  requestId = next.headers['lambda-runtime-aws-request-id'];
  tenantId = next.headers['lambda-runtime-aws-tenant-id'];
  const trace = next.headers['lambda-runtime-trace-id'];
  if (trace) env._X_AMZN_TRACE_ID = trace;
  else delete env._X_AMZN_TRACE_ID;
  const event = () => JSON.parse(next.body.toString('utf8'));
  try {
    if (handler[streaming]) return await stream(handler, event(), next.headers);
    const result = await run(handler, event(), next.headers);
    await call('POST', `/invocation/${requestId}/response`, encode(result), { 'Content-Type': 'application/json' });
  } catch (error) {
    logError('ERROR', 'Invoke Error', error);
    await postError(`/invocation/${requestId}/error`, error);
  } finally {
    run.idle = undefined;
    phase = 'idle';
  }
}

// offerStreaming makes the global awslambda.
function offerStreaming() {
  if (['1', 'true'].includes(env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) return;
  Object.defineProperty(globalThis, 'awslambda', {
    configurable: true,
    enumerable: true,
    get: () => require('./stream.cjs').awslambda,
    set: (value) => Object.defineProperty(globalThis, 'awslambda', { value, writable: true, enumerable: true }),
  });
}

// stream answers in parts. Then the event loop has to be empty before Node.js 24,
// unless the handler has set callbackWaitsForEmptyEventLoop to false.
async function stream(handler, event, headers) {
  const { answer, marks } = require('./stream.cjs');
  const options = { wait: !since24 };
  const highWaterMark = handler[marks.highWaterMark];
  const by = highWaterMark === undefined ? agent : new http.Agent({ highWaterMark });
  await answer(handler, event, makeContext(headers, options), { host, port, path: `${api}/invocation/${requestId}/response`, agent: by },
    (error) => {
      logError('ERROR', 'Invoke Error', error);
      return describe(error);
    },
    (text) => (since24 ? new Error(text) : text));
  if (options.wait) await new Promise((resolve) => { run.idle = resolve; });
}

function encode(result) {
  let text;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch {
    throw new RuntimeError(since24 ? 'Runtime.JSONStringifyError' : 'Error', 'Unable to stringify response body');
  }
  if (text === undefined) throw new TypeError('Wrong arguments'); // a function or a symbol
  return text;
}

// ---- the process

async function fatal(title, error, status) {
  logError('ERROR', title, error);
  try {
    // By a connection of its own: a streamed answer may hold the other.
    const by = new http.Agent();
    if (phase === 'init') await postError('/init/error', error, by);
    if (phase === 'invoke') await postError(`/invocation/${requestId}/error`, error, by);
  } finally {
    process.exit(status);
  }
}

function catchAll() {
  process.on('uncaughtException', (error) => fatal('Uncaught Exception', error, exitException));
  process.on('unhandledRejection', (reason) => {
    const error = new RuntimeError('Runtime.UnhandledPromiseRejection', String(reason));
    error.reason = isError(reason) ? { errorType: reason.name, errorMessage: reason.message, stack: describe(reason).trace } : reason;
    fatal('Unhandled Promise Rejection', error, exitRejection);
  });
  process.on('beforeExit', () => run.idle?.());
}

async function main() {
  patchConsole();
  catchAll();
  offerStreaming();
  let handler;
  try {
    handler = await loadHandler(env._HANDLER || '');
  } catch (error) {
    return fatal('Uncaught Exception', error, exitException);
  }
  for (;;) {
    let next;
    try {
      next = await call('GET', '/invocation/next');
    } catch {
      process.exit(1); // the Runtime API is gone, and so is the reason to be
    }
    await invoke(handler, next);
  }
}

main();
