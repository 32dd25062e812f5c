/** This machine's names, which no proxy may be asked for. */
export const thisMachine = ['localhost', '127.0.0.1'];
