// npm `ws` as echo server of our client; prints "port N" and ends with its standard input.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: true });
server.on('listening', () => console.log(`port ${server.address().port}`));
server.on('connection', (socket) => {
    socket.on('pong', (payload) => { if (payload.length > 0) socket.send(`pong ${payload}`); });
    socket.on('message', (data, isBinary) => {
        switch (isBinary ? '' : data.toString()) {
            case 'fragments':
                socket.send('frag', { fin: false });
                socket.send('ment', { fin: false });
                socket.send('s', { fin: true });
                break;
            case 'ping': socket.ping('are you there'); break;
            case 'close': socket.close(4002, 'as asked'); break;
            default: socket.send(data, { binary: isBinary });
        }
    });
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
