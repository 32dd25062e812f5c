/** Loads and unloads adapters at run time: vLLM's `/v1/load_lora_adapter` and `/v1/unload_lora_adapter`. */
import { isAbsolute } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { loadAdapterSchema, unloadAdapterSchema } from '../../protocol/server.ts';
import { HttpError } from '../http-error.ts';
import { parseBody, type Service } from './service.ts';

export async function loadAdapter({ host }: Service, request: FastifyRequest): Promise<string> {
  const body = parseBody(loadAdapterSchema, request.body);
  const { lora_name: name, lora_path: path } = body;
  if (!isAbsolute(path))
    throw new HttpError(400, 'bad-request', `lora_path: ${path} is not an absolute path on this machine.`);
  await host.addAdapter({ name, path }, body.load_inplace);
  return `Success: LoRA adapter '${name}' added successfully.`;
}

export async function unloadAdapter({ host }: Service, request: FastifyRequest): Promise<string> {
  const { lora_name: name } = parseBody(unloadAdapterSchema, request.body);
  if (!(await host.removeAdapter(name)))
    throw new HttpError(404, 'model_not_found', `There is no adapter "${name}".`);
  return `Success: LoRA adapter '${name}' removed successfully.`;
}
