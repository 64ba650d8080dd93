// The loop of a Lambda function in JavaScript: asks the Runtime API for an event, has the handler answer
// it, and sends the response. AWS's own client does the same, with native code.
import http from 'node:http';

const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// Sends a request to the Runtime API; gives the headers and the text of the response.
const send = (method, path, body) => new Promise((resolve, reject) => {
  const headers = body === undefined
    ? {}
    : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const options = { hostname, port, agent, method, headers, path: `/2018-06-01/runtime/${path}` };
  const request = http.request(options, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      if (response.statusCode >= 300) {
        reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      } else {
        resolve({ headers: response.headers, text });
      }
    });
  });
  request.on('error', reject);
  request.end(body);
});

const described = (error) => JSON.stringify({
  errorType: error.name,
  errorMessage: error.message,
  stackTrace: error.stack?.split('\n') ?? [],
});

// The SDK would say at each start that it is about to leave this version of Node.js behind.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

let handler;
try {
  ({ handler } = await import('./handler.mjs'));
} catch (error) {
  await send('POST', 'init/error', described(error));
  throw error;
}

for (;;) {
  const { headers, text } = await send('GET', 'invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  let outcome;
  try {
    outcome = ['response', JSON.stringify(await handler(JSON.parse(text)))];
  } catch (error) {
    console.error(error);
    outcome = ['error', described(error)];
  }
  await send('POST', `invocation/${id}/${outcome[0]}`, outcome[1]);
}
