/**
 * A server that behaves like S3: signatures (verified with Amazon's own signer, which the tested code does not use),
 * objects, listings in pages of two with a delimiter, conditional writes, and errors in XML.
 */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';

/** In the form that the signer asks for. */
class Sha256 {
  private readonly state: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.state = secret === undefined ? createHash('sha256') : createHmac('sha256', keyOf(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.state.update(keyOf(data));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.state.digest()));
  }
  reset(): void {
    throw new Error('not needed');
  }
}

const keyOf = (data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array => {
  if (typeof data === 'string') return data;
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
};

export interface S3Options {
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  region: string;
  bucket: string;
  /** Answers 501 to conditional writes, as some stores do. */
  unconditional?: boolean;
}

export class S3Server {
  readonly objects = new Map<string, Buffer>();
  readonly requests: string[] = [];
  /** Each makes one request fail with that status. */
  readonly failures: number[] = [];
  /** Each makes one write succeed without an answer: the publisher sees a broken connection. */
  lost = 0;
  /** Changes the object whose answer is lost, such as if somebody else wrote another one first. */
  onLost: (key: string) => void = () => {};
  /** Redirects all requests here. */
  redirect: string | undefined;
  #server!: Server;

  private constructor(private readonly options: S3Options) {}

  static async start(options: S3Options): Promise<S3Server> {
    const server = new S3Server(options);
    server.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => void server.#answer(request, Buffer.concat(chunks), response));
    });
    await new Promise<void>((done) => server.#server.listen(0, '127.0.0.1', done));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push(`${method} ${url}`);
    const failure = this.failures.shift();
    if (failure) return refuse(response, failure, 'SlowDown', 'Please reduce your request rate.');
    if (this.redirect) return void response.writeHead(307, { location: this.redirect }).end();
    const wrong = await this.#wrongSignature(request, body);
    if (wrong)
      return refuse(
        response,
        403,
        wrong,
        'The request signature we calculated does not match &quot;yours&quot;.',
      );
    const { pathname, searchParams } = new URL(url, this.url);
    const [, bucket, ...rest] = pathname.split('/').map(decodeURIComponent);
    if (bucket !== this.options.bucket)
      return refuse(response, 404, 'NoSuchBucket', 'The specified bucket does not exist');
    const key = rest.join('/');
    if (method === 'PUT') return this.#put(key, body, headers, response);
    if (searchParams.get('list-type') === '2') return this.#list(searchParams, response);
    const object = this.objects.get(key);
    if (!object) return refuse(response, 404, 'NoSuchKey', 'The specified key does not exist.');
    response.writeHead(200, { 'content-length': object.length }).end(object);
  }

  #put(key: string, body: Buffer, headers: IncomingMessage['headers'], response: ServerResponse): void {
    const conditional = headers['if-none-match'] === '*';
    if (conditional && this.options.unconditional)
      return refuse(
        response,
        501,
        'NotImplemented',
        'A header you provided implies functionality that is not implemented',
      );
    if (conditional && this.objects.has(key))
      return refuse(
        response,
        412,
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold',
      );
    this.objects.set(key, body);
    if (this.lost > 0) {
      this.lost -= 1;
      this.onLost(key);
      return void response.destroy();
    }
    response.writeHead(200).end();
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter')!;
    const below = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const folders = below
      .map((key) => key.slice(prefix.length))
      .filter((rest) => rest.includes(delimiter))
      .map((rest) => prefix + rest.slice(0, rest.indexOf(delimiter) + 1));
    const all = [...new Set(folders)];
    const from = Number(query.get('continuation-token')?.split('&')[1] ?? 0);
    const page = all.slice(from, from + 2);
    const more = from + 2 < all.length;
    response.writeHead(200, { 'content-type': 'application/xml' }).end(
      `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${this.options.bucket}</Name><Prefix>${prefix}</Prefix>` +
        `<MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><IsTruncated>${more}</IsTruncated>` +
        // This token is only valid once unescaped.
        (more ? `<NextContinuationToken>page&amp;${from + 2}</NextContinuationToken>` : '') +
        `${page.map((one) => `<CommonPrefixes><Prefix>${one}</Prefix></CommonPrefixes>`).join('')}</ListBucketResult>`,
    );
  }

  /** S3's error code, or undefined if the signature is valid. */
  async #wrongSignature(
    { method, url, headers }: IncomingMessage,
    body: Buffer,
  ): Promise<string | undefined> {
    const { credentials, region } = this.options;
    const given = headers.authorization ?? '';
    const signed = /SignedHeaders=([^,]+)/.exec(given)?.[1]?.split(';') ?? [];
    for (const needed of ['host', 'x-amz-content-sha256', 'x-amz-date'])
      if (!signed.includes(needed)) return 'AccessDenied';
    if (headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex'))
      return 'XAmzContentSHA256Mismatch';
    const { pathname, searchParams, hostname } = new URL(url!, this.url);
    const signer = new SignatureV4({
      ...{ service: 's3', region, credentials, uriEscapePath: false, applyChecksum: false },
      sha256: Sha256,
    });
    const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date']))!;
    const expected = await signer.sign(
      {
        ...{ method: method!, protocol: 'http:', hostname, path: pathname },
        query: Object.fromEntries(searchParams),
        headers: Object.fromEntries(signed.map((name) => [name, String(headers[name])])),
      },
      { signingDate: new Date(`${date.slice(1, 4).join('-')}T${date.slice(4).join(':')}Z`) },
    );
    return expected.headers['authorization'] === given ? undefined : 'SignatureDoesNotMatch';
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    );
}
