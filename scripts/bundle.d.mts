export function withBundle<T>(entryPoints: string[], body: (dir: string) => Promise<T>): Promise<T>;
