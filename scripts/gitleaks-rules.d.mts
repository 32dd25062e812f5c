import type { Plugin } from 'vitest/config';

/** Provides the module 'gitleaks-rules' for Vitest. */
export const gitleaksVitePlugin: Plugin;
