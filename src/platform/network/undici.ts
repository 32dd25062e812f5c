/** What is loaded of undici. esbuild keeps only the default export of a CommonJS package that is imported dynamically. */
export { Agent, fetch, ProxyAgent, request } from 'undici';
