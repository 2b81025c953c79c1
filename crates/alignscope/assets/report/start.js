// Runs the parts: one that fails is told in the console and takes no other with it.
for (const part of page.parts) {
  try {
    part();
  } catch (error) {
    console.error(error);
  }
}
