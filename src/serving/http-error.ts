/** An error response to an HTTP client: a status, a code for programs, a sentence for people. */

export class HttpError extends Error {
  override readonly name = 'HttpError';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Seconds after which the client should try again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** `names`: the models that exist. */
export const unknownModel = (name: string, names: readonly string[]): HttpError =>
  new HttpError(404, 'model_not_found', `There is no model "${name}". There are: ${names.join(', ')}.`);
