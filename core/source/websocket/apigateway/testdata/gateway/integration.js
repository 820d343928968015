// What an HTTP integration of API Gateway posts, with the request parameters of examples/apigateway/main.tf.
const fs = require('fs');

exports.handler = async (event) => {
  const c = event.requestContext;
  if (c.eventType === 'DISCONNECT' && process.env.LOSE_DISCONNECTS && fs.existsSync(process.env.LOSE_DISCONNECTS)) return { statusCode: 200 };
  const headers = {
    'content-type': 'application/json',
    'x-pointsman-secret': process.env.POINTSMAN_SECRET,
    'x-pointsman-connection-id': c.connectionId,
    'x-pointsman-event-type': c.eventType,
    'x-pointsman-route-key': c.routeKey,
    'x-pointsman-request-id': c.requestId,
    'x-pointsman-message-id': c.messageId,
    'x-pointsman-stage': c.stage,
    'x-pointsman-source-ip': c.identity.sourceIp,
    'x-pointsman-request-time': String(c.requestTimeEpoch),
  };
  const room = (event.queryStringParameters || {}).room;
  if (room !== undefined) headers['x-pointsman-room'] = room;
  if (Buffer.isBuffer(event.body)) { // API Gateway ends a connection that sends binary frames with 1003; this one hands them on
    headers['x-pointsman-base64'] = 'true';
    event.body = event.body.toString('base64');
  }
  for (const name of Object.keys(headers)) if (headers[name] === undefined || headers[name] === 'undefined') delete headers[name];
  const answer = await fetch(process.env.POINTSMAN_URL, { method: 'POST', headers, body: event.body });
  return { statusCode: answer.status };
};
