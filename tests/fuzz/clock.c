#include "fuzz.h"
int LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED) { return 0; }
int LLVMFuzzerTestOneInput(const uint8_t *data G_GNUC_UNUSED, size_t size G_GNUC_UNUSED) { return 0; }
