/** VS Code's platform names, and Node's equivalents. */
export const targets: Record<string, { os: string; cpu: string }>;
