// Sends the lines of standard input and prints received frames, with the WebSocket of Node.js 22.
import {createInterface} from "node:readline";

const socket = new WebSocket(process.argv[2]);
socket.onopen = async () => {
  for await (const line of createInterface({input: process.stdin})) socket.send(line);
  socket.close();
};
socket.onmessage = event => console.log(event.data);
