const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  throw new Error(
    `Sallyport needs Node 24.15 or newer, this is ${process.version}; run the tests with "npm test"`,
  );
}
