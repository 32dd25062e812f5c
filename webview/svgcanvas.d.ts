/** What is used of svgcanvas, which brings no types: a 2D context that writes SVG. */
declare module 'svgcanvas' {
  export class Context {
    constructor(size: { width: number; height: number });
    getSvg(): SVGSVGElement;
  }
}
