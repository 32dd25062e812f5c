import type { Plugin } from 'vitest/config';

/** Makes the module 'gitleaks-rules' for vitest. */
export const gitleaksVitePlugin: Plugin;
