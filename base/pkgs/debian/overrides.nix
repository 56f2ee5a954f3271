# What single units need beyond unpacking and relocating: see ../../README-debian.md for the attributes.
{ lib, units }:
{
}
