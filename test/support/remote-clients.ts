/** Clients of remote servers, and these servers: all are closed after each test. */
import { afterEach } from 'vitest';
import { parseEndpoint } from '../../src/serving/remote/address.ts';
import { RemoteClient, type RemoteClientOptions } from '../../src/serving/remote/remote-client.ts';
import type { OtherServer } from './other-servers.ts';

type Request = Parameters<RemoteClient['stream']>[0];

/** `request`: the default request. `defaults`: options of every client. */
export function useRemoteClients(request: Request, defaults: Partial<RemoteClientOptions> = {}) {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  return {
    closing,
    async opened(server: Promise<OtherServer>): Promise<OtherServer> {
      const one = await server;
      closing.push(() => one.app.close());
      return one;
    },
    clientAt(address: string, options: Partial<RemoteClientOptions> = {}): RemoteClient {
      const endpoint = parseEndpoint(address);
      const client = new RemoteClient({ endpoint, model: '', ...defaults, ...options });
      closing.push(() => client.dispose());
      return client;
    },
    async answer(client: RemoteClient, asked: object = request) {
      const pieces: string[] = [];
      const { text } = await client.stream(asked as Request, (piece) => pieces.push(piece));
      return { text, pieces };
    },
  };
}
