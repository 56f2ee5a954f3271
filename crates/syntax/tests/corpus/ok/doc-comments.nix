{
  /** f */
  f = x: y: x;
  /** a */ a.b = /** inner */ { c }: c;
}
