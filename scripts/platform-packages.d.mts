/** VS Code's names of platforms, with Node's names for the same. */
export const targets: Record<string, { os: string; cpu: string }>;
