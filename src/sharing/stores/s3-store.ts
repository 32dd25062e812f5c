/** Published adapters in a bucket of any store that speaks S3's protocol. */
import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { AwsV4Signer } from 'aws4fetch';
import { setTimeout as sleep } from 'node:timers/promises';
import { download as downloadUrl, Refused } from '../../platform/network/download.ts';
import { causeOf, networkFetch } from '../../platform/network/http.ts';
import { UserError } from '../../text/errors.ts';
import { isSharedName, MANIFEST } from '../../protocol/sharing.ts';
import { s3Settings, type S3Settings } from './s3-address.ts';
import {
  notPublished,
  cancelledError,
  versionTaken,
  parseVersions,
  type Outgoing,
  type Place,
  type Store,
  type Transfer,
} from './store.ts';

/** SHA-256 of nothing. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const ATTEMPTS = 3;
const WAIT_MS = 500;

interface Request {
  method: 'GET' | 'PUT';
  /** Path below the bucket, with the query. */
  path: string;
  headers?: Record<string, string>;
  file?: { source: string; sha256: string };
  signal?: AbortSignal | undefined;
}

export class S3Store implements Store {
  private readonly settings: S3Settings;
  readonly label: string;
  readonly host: string | undefined;
  /** Whether the store supports conditional writes ("only if it does not exist"); some do not. */
  private supportsConditions = true;

  /** Credentials come from the environment. Throws like s3Settings. */
  constructor(address: string, env?: Readonly<Record<string, string | undefined>>) {
    this.settings = s3Settings(address, env);
    this.label = this.settings.label;
    this.host = this.settings.host;
  }

  async names(): Promise<string[]> {
    return (await this.foldersIn(this.settings.prefix)).filter(isSharedName).sort();
  }

  async versions(name: string): Promise<number[]> {
    return parseVersions(await this.foldersIn(`${this.settings.prefix}${name}/`));
  }

  async manifest(name: string, version: number, most: number): Promise<Buffer | undefined> {
    const response = await this.ask({ method: 'GET', path: this.key({ name, version, path: MANIFEST }) });
    if (response.status === 404) return undefined;
    if (!response.ok) throw await this.refusal(response);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      // Leaving the loop ends the connection.
      if (length > most) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async download(place: Place, to: string, { signal, onBytes }: Transfer) {
    const { url, headers } = await this.signed({ method: 'GET', path: this.key(place) });
    try {
      await downloadUrl(url.href, to, {
        signal,
        headers: plain(headers),
        // The signature is valid only for this host, and a session's token is meant for nobody else.
        redirect: 'manual',
        onBytes: (done) => onBytes?.(done),
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const status = Number(/^HTTP (\d+)/.exec(error.message)?.[1]);
      if (!status) throw unreachable(this.label, error);
      if (status === 404)
        throw notPublished(this.label, `${place.path} of ${place.name} version ${place.version}`);
      throw this.refused(status, error.message);
    }
  }

  /**
   * In this order, each only if it does not exist yet: another publisher of this version gives up at the first file.
   */
  async publish(name: string, version: number, files: readonly Outgoing[], { signal, onBytes }: Transfer) {
    let done = 0;
    for (const { path, source, bytes, sha256 } of files) {
      const put = () =>
        this.send({
          method: 'PUT',
          path: this.key({ name, version, path }),
          headers: this.supportsConditions ? { 'if-none-match': '*' } : {},
          file: { source, sha256 },
          signal,
        });
      let { response, attempts } = await put();
      if (response.status === 501 && this.supportsConditions) {
        this.supportsConditions = false;
        ({ response, attempts } = await put());
      }
      if (response.status === 412 || response.status === 409) {
        await response.body?.cancel();
        // It may have been written by an attempt whose response was lost.
        const ours = attempts > 1 && (await this.holds({ name, version, path }, sha256, signal));
        if (!ours) throw versionTaken(this.label, name, version);
      } else if (!response.ok) throw await this.refusal(response);
      onBytes?.((done += bytes));
    }
  }

  /** Whether the stored object has exactly these bytes. */
  private async holds(place: Place, sha256: string, signal: AbortSignal | undefined): Promise<boolean> {
    const response = await this.ask({ method: 'GET', path: this.key(place), signal });
    if (response.status === 404) return false;
    if (!response.ok) throw await this.refusal(response);
    const digest = createHash('sha256');
    try {
      for await (const chunk of (response.body ?? []) as unknown as AsyncIterable<Uint8Array>)
        digest.update(chunk);
    } catch (error) {
      throw signal?.aborted ? cancelledError() : unreachable(this.label, error);
    }
    return digest.digest('hex') === sha256;
  }

  private key({ name, version, path }: Place): string {
    return `${this.settings.prefix}${name}/${version}/${path}`;
  }

  /** The names directly below `prefix`. Only plain names are considered, so nothing needs unescaping. */
  private async foldersIn(prefix: string): Promise<string[]> {
    const names: string[] = [];
    let more: string | undefined;
    do {
      const query = new URLSearchParams({
        'list-type': '2',
        delimiter: '/',
        prefix,
        ...(more && { 'continuation-token': more }),
      });
      const response = await this.ask({ method: 'GET', path: `?${query}` });
      if (!response.ok) throw await this.refusal(response);
      const xml = await response.text();
      for (const [, key] of xml.matchAll(/<CommonPrefixes>\s*<Prefix>([^<]*)\/<\/Prefix>/g))
        if (key!.startsWith(prefix)) names.push(key!.slice(prefix.length));
      more = /<IsTruncated>true</.test(xml) ? unescaped(tag(xml, 'NextContinuationToken')) : undefined;
    } while (more);
    return names;
  }

  private async ask(request: Request): Promise<Response> {
    return (await this.send(request)).response;
  }

  /**
   * Retries if the store is busy, could not be reached, or is still writing what a previous attempt has sent. Errors:
   * network.
   */
  private async send(request: Request): Promise<{ response: Response; attempts: number }> {
    const { method, file, signal } = request;
    for (let attempts = 1; ; attempts += 1) {
      const { url, headers } = await this.signed(request);
      try {
        const body = file && { body: await openAsBlob(file.source) };
        const response = await networkFetch(url, {
          method,
          headers,
          ...body,
          redirect: 'manual',
          signal: signal ?? null,
        });
        if (!isBusy(response) || attempts === ATTEMPTS) return { response, attempts };
        await response.body?.cancel();
      } catch (error) {
        if (signal?.aborted) throw cancelledError();
        if (attempts === ATTEMPTS) throw unreachable(this.label, error);
      }
      await sleep(WAIT_MS * attempts);
    }
  }

  private signed({ method, path, headers, file }: Request) {
    const { root, region, credentials } = this.settings;
    return new AwsV4Signer({
      method,
      url: root + path,
      service: 's3',
      region,
      ...credentials,
      headers: { ...headers, 'x-amz-content-sha256': file?.sha256 ?? EMPTY },
    }).sign();
  }

  private async refusal(response: Response): Promise<UserError> {
    const xml = (await response.text()).slice(0, 10_000);
    const code = tag(xml, 'Code');
    return this.refused(response.status, [code, unescaped(tag(xml, 'Message'))].filter(Boolean).join(': '));
  }

  private refused(status: number, said: string): UserError {
    const why = said.replace(/\s+/g, ' ').slice(0, 200) || `HTTP ${status}`;
    const next =
      status === 301 || status === 307 || status === 400
        ? 'Check AWS_REGION and AWS_ENDPOINT_URL.'
        : status === 404
          ? 'Check the name of the bucket.'
          : 'Check the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do.';
    return new UserError(
      'store-refused',
      `${this.label} refused the request (${why.replace(/\.$/, '')}).`,
      next,
    );
  }
}

const isBusy = ({ status }: Response) => (status >= 500 && status !== 501) || status === 409;

const tag = (xml: string, name: string): string =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const unescaped = (text: string) =>
  text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]!);

const plain = (headers: Headers) => Object.fromEntries(headers.entries());

const unreachable = (label: string, error: unknown) =>
  new UserError(
    'network',
    `${label} could not be reached (${causeOf(error)}).`,
    'Check the connection, AWS_ENDPOINT_URL and AWS_REGION, then try again.',
    { cause: error },
  );
