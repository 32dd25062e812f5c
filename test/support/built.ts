/** Builds dist/, which integration tests run, if sources have changed. */
export { build as default } from '../../scripts/setup.mjs';
