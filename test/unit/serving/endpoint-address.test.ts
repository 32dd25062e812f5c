import { describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../../src/serving/remote/address.ts';

describe('the address of a completion server', () => {
  it.each([
    ['https://gpu.example', 'https://gpu.example/v1', 'https://gpu.example', false, false],
    [' https://gpu.example/v1/ ', 'https://gpu.example/v1', 'https://gpu.example', false, false],
    ['https://api.example/beta', 'https://api.example/beta', 'https://api.example/beta', false, false],
    ['https://x.example/llm/v1', 'https://x.example/llm/v1', 'https://x.example/llm', false, false],
    ['https://x.example/v1/fim/completions', 'https://x.example/v1', 'https://x.example', false, false],
    ['http://localhost:8000', 'http://localhost:8000/v1', 'http://localhost:8000', true, false],
    ['http://127.0.0.2:8000', 'http://127.0.0.2:8000/v1', 'http://127.0.0.2:8000', true, false],
    ['http://[::1]:11434/v1', 'http://[::1]:11434/v1', 'http://[::1]:11434', true, false],
    ['http://192.168.0.7:8080', 'http://192.168.0.7:8080/v1', 'http://192.168.0.7:8080', false, true],
    ['http://172.31.255.1', 'http://172.31.255.1/v1', 'http://172.31.255.1', false, true],
    ['http://[fd00::7]:1', 'http://[fd00::7]:1/v1', 'http://[fd00::7]:1', false, true],
  ])('%s', (text, api, root, here, plainText) => {
    expect(parseEndpoint(text)).toMatchObject({ api, root, here, plainText });
  });

  it.each([
    ['http://gpu.example/v1', 'in plain text'],
    // Not resolved: it may be another machine tomorrow.
    ['http://gpubox:8000', 'in plain text'],
    ['http://172.32.0.1', 'in plain text'],
    ['http://8.8.8.8:8000', 'in plain text'],
    // What a browser, and so an attacker, may write for 8.8.8.8.
    ['http://134744072/', 'in plain text'],
    ['http://localhost.example/', 'in plain text'],
    ['http://[2001:db8::1]/', 'in plain text'],
    ['https://me:secret@gpu.example/v1', 'more than a host'],
    ['https://gpu.example/v1?key=secret', 'more than a host'],
    ['gpu.example', 'is not the address'],
    ['', 'is not the address'],
    ['file:///etc/passwd', 'is not the address'],
  ])('%s is rejected', (text, why) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'endpoint-address' }));
    expect(() => parseEndpoint(text)).toThrow(why);
    expect(() => parseEndpoint(text)).not.toThrow('secret');
  });
});
