/** This machine's names, which no proxy may be asked for. */
export const loopbackNames = ['localhost', '127.0.0.1'];
