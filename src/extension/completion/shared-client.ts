/** The client of a server that models of one base use by turns: requests wait until the server has their model's adapter. */
import { ServingClient } from '../../serving/client/client.ts';

type Adapter = Parameters<ServingClient['addAdapter']>[0];

export class SharedClient extends ServingClient {
  private offered: Promise<unknown> = Promise.resolve();
  /** By name and path, while they are on their way: a key press asks for what the one before has asked for. */
  private readonly adding = new Map<string, Promise<void>>();

  /** Says whose adapters the requests from now on need. They fail if the server refuses one. */
  switchTo(adapters: readonly Adapter[]): void {
    this.offered = Promise.all(adapters.map((one) => this.addAdapter(one)));
    // Told by the requests.
    this.offered.catch(() => undefined);
  }

  override addAdapter(adapter: Adapter): Promise<void> {
    const key = `${adapter.name}\n${adapter.path}`;
    const known = this.adding.get(key);
    if (known) return known;
    const added = super.addAdapter(adapter).finally(() => this.adding.delete(key));
    this.adding.set(key, added);
    return added;
  }

  override async complete(...asked: Parameters<ServingClient['complete']>) {
    await this.offered;
    return super.complete(...asked);
  }

  override async stream(...asked: Parameters<ServingClient['stream']>) {
    await this.offered;
    return super.stream(...asked);
  }

  override async chat(...asked: Parameters<ServingClient['chat']>) {
    await this.offered;
    return super.chat(...asked);
  }
}
