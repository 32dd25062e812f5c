/** Types for the part of svgcanvas that is used (it has none): a 2D context that writes SVG. */
declare module 'svgcanvas' {
  export class Context {
    constructor(size: { width: number; height: number });
    getSvg(): SVGSVGElement;
  }
}
