/** How browsers and the build's own loader say that a part of the program did not come. */
const NOT_LOADED = /dynamically imported module|module script|unable to preload/i;

/** A part of the program that could not be loaded, because there is no connection. */
export class NotLoaded extends Error {
  override readonly name = 'NotLoaded';
}

export function isNotLoaded(error: unknown): boolean {
  return error instanceof NotLoaded || NOT_LOADED.test(String(error));
}

/**
 * Loads a part of the program. The router loads the whole page again where a part is missing, as
 * after a new version; without a connection that would lose the page.
 */
export function part<T>(load: () => Promise<T>): () => Promise<T> {
  return async () => {
    try {
      return await load();
    } catch (error) {
      if (navigator.onLine) throw error;
      throw new NotLoaded('no connection', { cause: error });
    }
  };
}
