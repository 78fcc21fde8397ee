// A relay as it is usually written: parse, look up, write again. It verifies nothing and stores nothing, so it does
// less than ours.
//
// usage: node relay.mjs        prints "listening PORT"
import { WebSocketServer } from 'ws';

const agents = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });

server.on('listening', () => console.log(`listening ${server.address().port}`));
server.on('connection', (socket) => {
  let self;
  socket.on('message', (data) => {
    const frame = JSON.parse(data);
    if (frame.type === 'connect') {
      self = frame.amid;
      agents.set(self, socket);
      socket.send(JSON.stringify({ type: 'connected', session_id: self, pending_messages: 0 }));
    } else if (frame.type === 'send') {
      agents.get(frame.to)?.send(JSON.stringify({
        type: 'receive',
        from: self,
        encrypted_payload: frame.encrypted_payload,
        message_type: frame.message_type,
        timestamp: new Date().toISOString(),
      }));
    }
  });
  socket.on('close', () => agents.delete(self));
});
