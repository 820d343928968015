// Asks sns-validator, the package of Amazon for receivers in Node.js, about messages: one JSON text a line on stdin, one answer a
// line on stdout, "accept" or "refuse: why". SNS_CERTIFICATE is the file that each SigningCertURL is answered with.
'use strict';
const { EventEmitter } = require('events');
const fs = require('fs');
const https = require('https');
const readline = require('readline');

const certificate = fs.readFileSync(process.env.SNS_CERTIFICATE);

// The validator fetches certificates by https.get; here nothing leaves the process.
https.get = (_, respond) => {
  const response = Object.assign(new EventEmitter(), { statusCode: 200 });
  process.nextTick(() => {
    respond(response);
    response.emit('data', certificate);
    response.emit('end');
  });
  return new EventEmitter();
};

const Validator = require('sns-validator');

async function main() {
  const validator = new Validator();
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const error = await new Promise((resolve) => validator.validate(line, resolve));
    console.log(error ? 'refuse: ' + error.message : 'accept');
  }
}

main();
