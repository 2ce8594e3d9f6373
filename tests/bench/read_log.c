/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads logs and says what that took: "read_log FILE…". See tests/bench/logfile.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "logfile/logfile.h"

static gssize
read_file(void *from, uint8_t *octets, size_t size)
{
    size_t got = fread(octets, 1, size, from);

    return got == 0 && ferror(from) ? -1 : (gssize)got;
}

/* Of this process, so that a busy machine does not matter. */
static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* In kB. What getrusage() says would be that of whoever started this, if it was more. */
static long
peak_memory(void)
{
    char *status = NULL, *line;
    long  peak = 0;

    if (g_file_get_contents("/proc/self/status", &status, NULL, NULL) && (line = strstr(status, "VmHWM:")) != NULL)
        sscanf(line, "VmHWM: %ld", &peak);
    g_free(status);
    return peak;
}

static bool
read_log(const char *path, FILE *file)
{
    static uint8_t  head[LOGFILE_HEAD];
    logfile_format  format;
    const char     *problem = "it is no log";
    logfile_record  record;
    logfile_reader *reader;
    unsigned long   records = 0, malformed = 0;
    uint64_t        octets;
    double          begin;

    if (logfile_detect(head, fread(head, 1, sizeof head, file), &format, &problem) != LOGFILE_KNOWN) {
        fprintf(stderr, "%s: %s\n", path, problem);
        return false;
    }
    rewind(file);
    begin = seconds();
    reader = logfile_reader_new(format, read_file, file);
    for (; logfile_next(reader, &record); records++)
        malformed += record.error != NULL;
    octets = (uint64_t)ftello(file);
    printf("%s: %s, %.1f MB, %lu records, %lu malformed: %.0f MB/s, peak RSS %ld kB\n", path, logfile_format_name(format),
           (double)octets / 1e6, records, malformed, (double)octets / 1e6 / (seconds() - begin), peak_memory());
    logfile_reader_free(reader);
    return true;
}

int
main(int argc, char **argv)
{
    bool is_fine = argc > 1;

    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");

        if (!file)
            perror(argv[i]);
        is_fine = file && read_log(argv[i], file) && is_fine;
        if (file)
            fclose(file);
    }
    return is_fine ? 0 : 1;
}
