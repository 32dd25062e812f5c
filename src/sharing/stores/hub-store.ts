/** Published adapters in a repository of the Hugging Face hub, or of the mirror in HF_ENDPOINT. */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commit, createRepo, HubApiError, modelInfo, type CommitOperation } from '@huggingface/hub';
import {
  fetchHubFile,
  hubEndpoint,
  hubError,
  hubToken,
  listHubFiles,
  type HubFile,
} from '../../base-models/hub-files.ts';
import { networkFetch } from '../../platform/network/http.ts';
import { UserError } from '../../text/errors.ts';
import { isSharedName, MANIFEST } from '../../protocol/sharing.ts';
import { inTemporaryFolder } from '../../runs/temporary-folders.ts';
import {
  notPublished,
  cancelledError,
  versionTaken,
  parseVersions,
  readEndpoint,
  type Outgoing,
  type Place,
  type Store,
  type Transfer,
} from './store.ts';

const CARD = 'README.md';

export class HubStore implements Store {
  readonly label: string;
  readonly host: string | undefined;
  private listed: Promise<HubFile[]> | undefined;

  /**
   * Throws like readEndpoint.
   *
   * @param repository owner/name
   */
  constructor(private readonly repository: string) {
    this.label = `hub:${repository}`;
    if (process.env['HF_ENDPOINT'])
      this.host = readEndpoint(hubEndpoint(), 'HF_ENDPOINT', 'the token goes into HF_TOKEN').host;
  }

  async names(): Promise<string[]> {
    const paths = (await this.files()).map(({ path }) => path.split('/'));
    const versioned = paths.filter(([, version = '', file]) => file && parseVersions([version]).length > 0);
    return [...new Set(versioned.map(([name]) => name!))].filter(isSharedName).sort();
  }

  async versions(name: string): Promise<number[]> {
    const paths = (await this.files()).map(({ path }) => path.split('/'));
    return parseVersions([
      ...new Set(paths.flatMap(([first, version, file]) => (first === name && file ? [version!] : []))),
    ]);
  }

  async manifest(name: string, version: number, most: number): Promise<Buffer | undefined> {
    const path = `${name}/${version}/${MANIFEST}`;
    const file = (await this.files()).find((entry) => entry.path === path);
    if (!file || file.size > most) return undefined;
    return inTemporaryFolder(tmpdir(), 'sharing', async (folder) => {
      const to = join(folder, MANIFEST);
      await this.fetchFile(file, to, {});
      return readFile(to);
    });
  }

  async download({ name, version, path }: Place, to: string, transfer: Transfer): Promise<void> {
    const wanted = `${name}/${version}/${path}`;
    const file = (await this.files()).find((entry) => entry.path === wanted);
    if (!file) throw notPublished(this.label, `${path} of ${name} version ${version}`);
    await this.fetchFile(file, to, transfer);
  }

  private async fetchFile(file: HubFile, to: string, { signal, onBytes }: Transfer): Promise<void> {
    await fetchHubFile({ type: 'model', name: this.repository }, file, to, {
      signal,
      onProgress: ({ phase, done }) => phase === 'downloading' && onBytes?.(done),
      damaged: ({ path }) =>
        new UserError('adapter-damaged', `${path} of ${this.label} is damaged.`, 'Fetch it again.'),
    });
  }

  /** One commit with all files, based on a state without this version: it is refused if another commit comes first. */
  async publish(name: string, version: number, files: readonly Outgoing[], { signal, onBytes }: Transfer) {
    const accessToken = hubToken();
    if (!accessToken)
      throw new UserError(
        'store-refused',
        'Publishing to the hub needs a token.',
        'Set HF_TOKEN to one that may write.',
      );
    const access = { accessToken, hubUrl: hubEndpoint(), fetch: fetchOf(signal) };
    const repo = { type: 'model', name: this.repository } as const;
    try {
      const parent = await this.newest(access);
      if (parent === undefined) await createRepo({ ...access, repo, visibility: 'private' });
      // Listed again, because the list that the number was chosen from is older than this commit.
      this.listed = undefined;
      const versions = await this.versions(name);
      if (versions.includes(version)) throw versionTaken(this.label, name, version);
      const add = (path: string, source: string): CommitOperation => ({
        operation: 'addOrUpdate',
        path,
        content: pathToFileURL(source),
      });
      const readme = files.find(({ path }) => path === CARD);
      await commit({
        ...access,
        repo,
        title: `${name} version ${version}`,
        // The hub's other protocol uploads pieces of files to other hosts; this one is supported by every mirror.
        useXet: false,
        ...(parent && { parentCommit: parent }),
        ...(signal && { abortSignal: signal }),
        operations: [
          ...files.map(({ path, source }) => add(`${name}/${version}/${path}`, source)),
          // The hub shows the card of the newest adapter for the repository.
          ...(readme ? [add(CARD, readme.source)] : []),
        ],
      });
      onBytes?.(files.reduce((sum, { bytes }) => sum + bytes, 0));
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (signal?.aborted) throw cancelledError();
      if (error instanceof HubApiError && error.statusCode === 412)
        throw versionTaken(this.label, name, version);
      if (error instanceof HubApiError && [401, 403].includes(error.statusCode))
        throw new UserError(
          'store-refused',
          `${this.label} refused the request: the token may not write there.`,
          'Set HF_TOKEN to one that may write.',
          { cause: error },
        );
      throw hubError(error, this.repository);
    }
  }

  /** The newest commit; undefined if there is no repository yet. */
  private async newest(access: { accessToken: string; hubUrl: string; fetch: typeof fetch }) {
    try {
      const { sha } = await modelInfo({ ...access, name: this.repository, additionalFields: ['sha'] });
      return sha;
    } catch (error) {
      if (error instanceof HubApiError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  /**
   * Listed once, and again before publishing. A missing repository counts as empty only for someone who may create it.
   */
  private files(): Promise<HubFile[]> {
    this.listed ??= listHubFiles({ type: 'model', name: this.repository }, () => true).catch(
      (error: unknown) => {
        if (error instanceof UserError && error.code === 'hub-not-found' && hubToken()) return [];
        throw error;
      },
    );
    return this.listed;
  }
}

const fetchOf = (signal: AbortSignal | undefined): typeof fetch =>
  ((input: string | URL, init?: RequestInit) =>
    networkFetch(input, { ...init, signal: init?.signal ?? signal ?? null })) as typeof fetch;
