// A client for rooms in plain JavaScript, for Node.js 22 or later: it sends what you type and prints what others send.
//
//   node client.mjs 'ws://127.0.0.1:8080/?room=lab' Ann
//
// A third argument ends it after so many messages. CHAT_TOKEN is the token, if the router wants one.
import {createInterface} from "node:readline";

const [url, name, count = Infinity] = process.argv.slice(2);
const room = new URL(url).searchParams.get("room");
const token = process.env.CHAT_TOKEN;
const socket = new WebSocket(url, token ? ["chat", `bearer.${token}`] : []);
let heard = 0;

socket.onopen = async () => {
  for await (const text of createInterface({input: process.stdin})) {
    socket.send(JSON.stringify({room, data: {name, text}}));
  }
  if (Number(count) === 0) socket.close(1000);
};

socket.onmessage = event => {
  const message = JSON.parse(event.data);
  if (message.code) console.error(`not taken: ${message.message}`);
  if (typeof message.data?.text !== "string") return; // somebody came or left
  console.log(`${message.data.name}: ${message.data.text}`);
  if (++heard >= count) socket.close(1000);
};

socket.onerror = () => {
  console.error(`no way into the room at ${url}`);
  process.exitCode = 1;
};
socket.onclose = event => process.exit(event.code === 1000 ? 0 : 1);
