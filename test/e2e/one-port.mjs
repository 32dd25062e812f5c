// A browser that can only reach the editor's port on the server's machine, as with SSH, WSL or a container: all of its
// connections, including those to localhost, go through this proxy, which only allows those to the editor.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';

/** The browser's name for the server's machine; browsers trust names with this ending like localhost. */
const HOST = 'remote.localhost';

/**
 * @param {string} editor such as "http://127.0.0.1:8080"
 * @returns {Promise<{ args: string[], urlOf: (url: string) => string, refused: string[], close: () => void }>}
 * arguments for Chromium, an editor's address as the browser requests it, and what else it has requested
 */
export async function onePort(editor) {
  const { port, hostname } = new URL(editor);
  const refused = [];
  const isEditor = (host) => host === `${HOST}:${port}` || (refused.push(host), false);
  const server = createServer((asked, answer) => {
    const { host, pathname, search } = new URL(asked.url);
    if (!isEditor(host)) return answer.writeHead(403).end();
    const { method, headers } = asked;
    const passed = request({ hostname, port, path: pathname + search, method, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  // Web sockets.
  server.on('connect', ({ url }, socket, head) => {
    if (!isEditor(url)) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const passed = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      passed.write(head);
      passed.pipe(socket).pipe(passed);
    });
    for (const [one, other] of [
      [socket, passed],
      [passed, socket],
    ])
      one.on('error', () => other.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    args: [`--proxy-server=127.0.0.1:${server.address().port}`, '--proxy-bypass-list=<-loopback>'],
    urlOf: (url) => url.replace(`//${hostname}:`, `//${HOST}:`),
    refused,
    close: () => server.close().closeAllConnections(),
  };
}
