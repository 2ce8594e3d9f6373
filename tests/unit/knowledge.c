/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Expected flows, recognition and catalogue: what is compiled in, what a user's files change, and what is said of
 * mistakes in them.
 */
#include "flow/knowledge.h"

#include <string.h>

#include <glib/gstdio.h>

#include "flow/conditions.h"
#include "support.h"

#define MINUTE (INT64_C(60) * 1000000000)
#define HOUR (60 * MINUTE)

/* --- a user's folder --- */

static char      *user_folder;
static GPtrArray *user_files;

static void
give(const char *name, const char *text)
{
    char *path = g_build_filename(user_folder, name, NULL);
    char *folder = g_path_get_dirname(path);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_ptr_array_add(user_files, path);
    g_free(folder);
}

static void
take_all(void)
{
    for (guint i = 0; i < user_files->len; i++)
        g_unlink(user_files->pdata[i]);
    g_ptr_array_set_size(user_files, 0);
}

static flow_knowledge *
knowledge_of_user(GPtrArray **problems)
{
    *problems = g_ptr_array_new_with_free_func(g_free);
    return flow_knowledge_new(user_folder, *problems);
}

/* There is one problem, "FOLDER/NAME: REST", where `rest` is a pattern. */
static void
assert_problem(const GPtrArray *problems, const char *name, const char *rest)
{
    char *path = g_build_filename(user_folder, name, NULL);
    char *start = g_strconcat(path, ": ", NULL);

    for (guint i = 0; i < problems->len; i++)
        g_test_message("%s", (const char *)problems->pdata[i]);
    g_assert_cmpuint(problems->len, ==, 1);
    g_assert_true(g_str_has_prefix(problems->pdata[0], start));
    if (!g_pattern_match_simple(rest, (const char *)problems->pdata[0] + strlen(start)))
        g_error("\"%s\" is not like \"%s\"", (const char *)problems->pdata[0], rest);
    g_free(start);
    g_free(path);
}

/* A file of this name and text is worth one problem; flows and catalogue stay as many as they were. */
static void
assert_mistake(const char *name, const char *text, const char *rest)
{
    flow_knowledge *built_in = flow_knowledge_new(NULL, NULL), *knowledge;
    GPtrArray      *problems;

    give(name, text);
    knowledge = knowledge_of_user(&problems);
    assert_problem(problems, name, rest);
    g_assert_cmpuint(flow_knowledge_flows(knowledge)->len, ==, flow_knowledge_flows(built_in)->len);
    g_assert_cmpuint(flow_knowledge_catalogue(knowledge)->len, ==, flow_knowledge_catalogue(built_in)->len);
    g_ptr_array_unref(problems);
    flow_knowledge_free(knowledge);
    flow_knowledge_free(built_in);
    take_all();
}

/* --- facts --- */

/* "NAME=VALUE\nNAME=VALUE"; the value is in one buffer, as the engine has it. */
static const char *
fact_of(void *user, const char *name)
{
    static char  value[256];
    char       **lines = g_strsplit(user, "\n", -1);
    const char  *found = NULL;

    for (char **line = lines; *line; line++) {
        const char *sign = strchr(*line, '=');

        if (sign && strlen(name) == (size_t)(sign - *line) && g_str_has_prefix(*line, name)) {
            g_strlcpy(value, sign + 1, sizeof value);
            found = value;
        }
    }
    g_strfreev(lines);
    return found;
}

static bool
holds(const char *text, const char *facts)
{
    char           *problem;
    flow_condition *condition = flow_condition_parse(text, FLOW_ABOUT_EXCHANGE, &problem);
    bool            result;

    g_assert_cmpstr(problem, ==, NULL);
    result = flow_condition_holds(condition, fact_of, (void *)facts);
    flow_condition_free(condition);
    return result;
}

/* --- what is compiled in --- */

static const flow_entry *
entry_of(const flow_knowledge *knowledge, const char *id)
{
    const GPtrArray *catalogue = flow_knowledge_catalogue(knowledge);

    for (guint i = 0; i < catalogue->len; i++) {
        const flow_entry *entry = catalogue->pdata[i];

        if (strcmp(entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

/* Calls `see` for each line of each file of a folder below dissector/flow; gives back the number of files. */
static unsigned
each_line(const char *folder, void (*see)(const char *file, const char *line, void *user), void *user)
{
    char       *relative = g_build_filename("dissector/flow", folder, NULL);
    char       *path = source_path(relative);
    GDir       *opened = g_dir_open(path, 0, NULL);
    unsigned    count = 0;
    const char *name;

    g_assert_nonnull(opened);
    for (; (name = g_dir_read_name(opened)) != NULL; count++) {
        char   *file = g_build_filename(path, name, NULL);
        GBytes *bytes = bytes_of_file(file);
        char   *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        char  **lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++)
            see(name, *line, user);
        g_strfreev(lines);
        g_free(text);
        g_bytes_unref(bytes);
        g_free(file);
    }
    g_dir_close(opened);
    g_free(path);
    g_free(relative);
    return count;
}

static void
see_entry(const char *file, const char *line, void *user)
{
    const flow_knowledge *knowledge = user;

    if (*line == '[') {
        char             *id = g_strndup(line + 1, strcspn(line + 1, "]"));
        const flow_entry *entry = entry_of(knowledge, id);
        char             *from = g_strconcat("built-in catalogue/", file, NULL);

        g_test_message("%s: %s", file, id);
        g_assert_nonnull(entry);
        g_assert_cmpstr(entry->file, ==, from);
        g_free(from);
        g_free(id);
    }
}

static void
count_entries(const char *file G_GNUC_UNUSED, const char *line, void *user)
{
    *(unsigned *)user += *line == '[';
}

static void
ignore_line(const char *file G_GNUC_UNUSED, const char *line G_GNUC_UNUSED, void *user G_GNUC_UNUSED)
{
}

/* Every group of every file of the source tree is there, and nothing is wrong with any. */
static void
test_built_in(void)
{
    GPtrArray      *problems = g_ptr_array_new_with_free_func(g_free);
    flow_knowledge *knowledge = flow_knowledge_new(NULL, problems);
    unsigned        entries = 0;

    for (guint i = 0; i < problems->len; i++)
        g_test_message("%s", (const char *)problems->pdata[i]);
    g_assert_cmpuint(problems->len, ==, 0);
    g_assert_cmpuint(each_line("catalogue", see_entry, knowledge), >, 0);
    each_line("catalogue", count_entries, &entries);
    g_assert_cmpuint(flow_knowledge_catalogue(knowledge)->len, ==, entries);
    g_assert_cmpuint(each_line("flows", ignore_line, NULL), ==, flow_knowledge_flows(knowledge)->len + 3);
    g_ptr_array_unref(problems);
    flow_knowledge_free(knowledge);
}

static void
assert_stage(const flow_expected *expected, guint index, const char *role, flow_step first, flow_step second,
             const char *message)
{
    const flow_stage *stage = expected->stages->pdata[index];

    g_assert_cmpstr(stage->role, ==, role);
    g_assert_cmpint(stage->steps[0], ==, first);
    g_assert_cmpint(stage->steps[1], ==, second);
    g_assert_cmpint(second == FLOW_STEP_NONE ? FLOW_STEP_NONE : stage->steps[2], ==, FLOW_STEP_NONE);
    if (message)
        g_assert_true(flow_matches(stage->messages, message));
    else
        g_assert_null(*stage->messages);
}

static void
assert_retry(const flow_expected *expected, guint index, int64_t every, int64_t until)
{
    const flow_retry *retry = &g_array_index(expected->retries, flow_retry, index);

    g_assert_cmpuint(expected->retries->len, >, index);
    g_assert_cmpint(retry->every, ==, every);
    g_assert_cmpint(retry->until, ==, until);
}

static void
test_flows(void)
{
    static const char *const order[] = { "windows-mdm", "windows", "ios", "android", "macos", "rfc8894" };
    flow_knowledge          *knowledge = flow_knowledge_new(NULL, NULL);
    const GPtrArray         *flows = flow_knowledge_flows(knowledge);
    const flow_expected     *expected;

    g_assert_cmpuint(flows->len, ==, G_N_ELEMENTS(order));
    for (guint i = 0; i < flows->len; i++) {
        expected = flows->pdata[i];
        g_assert_cmpstr(expected->name, ==, order[i]);
        g_assert_true(expected == flow_knowledge_flow(knowledge, order[i]));
        g_assert_cmpint(expected->is_fallback, ==, i == flows->len - 1);
        for (int step = FLOW_GET_CA_CAPS; step <= FLOW_SYNC; step++) {
            if (step != FLOW_GET_NEXT_CA_CERT) /* no flow has it */
                g_assert_nonnull(expected->looks[step]);
        }
    }
    g_assert_null(flow_knowledge_flow(knowledge, "none"));

    expected = flow_knowledge_flow(knowledge, "windows-mdm");
    g_assert_cmpuint(expected->stages->len, ==, 3);
    assert_stage(expected, 0, "discovery-mdm", FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "MDM");
    assert_stage(expected, 1, "discovery", FLOW_GET_CA_CAPS, FLOW_GET_CA_CERT, "default");
    assert_stage(expected, 2, "enrolment", FLOW_PKI_OPERATION, FLOW_STEP_NONE, NULL);
    g_assert_true(expected->keeps_conversations);
    g_assert_cmpint(expected->behind[0], ==, FLOW_VERIFY_REQUEST);
    g_assert_cmpint(expected->behind[1], ==, FLOW_TEMPLATE_PERMISSION);
    g_assert_cmpint(expected->behind[6], ==, FLOW_CA_ISSUE);
    g_assert_cmpint(expected->behind[7], ==, FLOW_NOTIFY);
    g_assert_cmpint(expected->behind[8], ==, FLOW_STATE_MESSAGE);
    g_assert_cmpint(expected->behind[9], ==, FLOW_STEP_NONE);
    /* User agents as devices send them. */
    g_assert_true(flow_matches(expected->user_agents, "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)"));
    g_assert_true(flow_matches(expected->user_agents,
                               "Mozilla/4.0 (compatible; Win32; NDES client 10.0.19041.746/vb_release_svc_prod1)"));
    g_assert_false(flow_matches(expected->user_agents, "profiled/1.0 CFNetwork/811.5.4 Darwin/16.6.0"));
    g_assert_cmpuint(expected->retries->len, ==, 3);
    assert_retry(expected, 0, 5 * MINUTE, 15 * MINUTE);
    assert_retry(expected, 1, 15 * MINUTE, 2 * HOUR + 15 * MINUTE);
    assert_retry(expected, 2, 8 * HOUR, 0);
    g_assert_cmpstr(expected->retry_words, ==,
                    "every 5 minutes for 15 minutes, every 15 minutes for 2 hours, then every 8 hours");

    expected = flow_knowledge_flow(knowledge, "ios");
    g_assert_true(flow_matches(expected->user_agents, "profiled/1.0 CFNetwork/975.0.3 Darwin/18.2.0"));
    assert_stage(expected, 0, "discovery", FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "SCEP Authority");
    assert_retry(expected, 0, 15 * MINUTE, 6 * HOUR);
    assert_retry(expected, 1, 6 * HOUR, 0);
    expected = flow_knowledge_flow(knowledge, "android");
    g_assert_true(flow_matches(expected->user_agents, "Dalvik/2.1.0 (Linux; U; Android 5.0; P01M Build/LRX21V)"));
    assert_stage(expected, 0, "discovery", FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "ca");
    assert_retry(expected, 0, 3 * MINUTE, 15 * MINUTE);
    assert_retry(expected, 2, 8 * HOUR, 0);
    expected = flow_knowledge_flow(knowledge, "macos");
    g_assert_true(flow_matches(expected->user_agents, "mdmclient/863 CFNetwork/760.9 Darwin/15.6.0 (x86_64)"));
    g_assert_cmpuint(expected->retries->len, ==, 0);
    g_assert_null(expected->retry_words);
    expected = flow_knowledge_flow(knowledge, "rfc8894");
    g_assert_true(((flow_stage *)expected->stages->pdata[0])->any_order);
    g_assert_true(((flow_stage *)expected->stages->pdata[0])->is_optional);
    g_assert_false(((flow_stage *)expected->stages->pdata[1])->is_optional);
    flow_knowledge_free(knowledge);
}

static void
test_recognition(void)
{
    flow_knowledge         *knowledge = flow_knowledge_new(NULL, NULL);
    const flow_recognition *known = flow_knowledge_recognition(knowledge);

    /* NDES's answers in IIS logs: 186 octets are GetCACaps, 3567 and 3909 GetCACert, 2713 PKIOperation. */
    g_assert_true(known->answer[FLOW_GET_CA_CAPS].low <= 186 && 186 <= known->answer[FLOW_GET_CA_CAPS].high);
    g_assert_true(known->answer[FLOW_GET_CA_CERT].low <= 3567 && 3909 <= known->answer[FLOW_GET_CA_CERT].high);
    g_assert_true(known->answer[FLOW_PKI_OPERATION].low <= 2713 && 2713 <= known->answer[FLOW_PKI_OPERATION].high);
    /* The two discoveries exclude each other. */
    g_assert_cmpuint(known->answer[FLOW_GET_CA_CAPS].high, <, known->answer[FLOW_GET_CA_CERT].low);
    g_assert_cmpuint(known->request[FLOW_GET_CA_CAPS].high, <, known->request[FLOW_PKI_OPERATION].low);
    /* sc-bytes of a registration point: 437 and 341 for VerifyRequest, 357 and 277 for Notify. */
    g_assert_true(known->answer[FLOW_VERIFY_REQUEST].low <= 341 && 437 <= known->answer[FLOW_VERIFY_REQUEST].high);
    g_assert_true(known->answer[FLOW_NOTIFY].low <= 277 && 357 <= known->answer[FLOW_NOTIFY].high);
    g_assert_cmpuint(known->request[FLOW_CA_ISSUE].high, ==, 0);
    g_assert_true(flow_matches(known->registration_names, "crp.corp.contoso.com"));
    g_assert_true(flow_matches(known->management_names, "fef.msua01.manage.microsoft.com"));
    g_assert_false(flow_matches(known->management_names, "www.microsoft.com"));
    g_assert_true(flow_matches(known->names, "SCEP.contoso.com"));
    g_assert_true(flow_matches(known->names, "ndes-contoso.msappproxy.net"));
    g_assert_false(flow_matches(known->names, "www.contoso.com"));
    g_assert_true(flow_matches(known->internal_names, "ndes.corp.contoso.com"));
    g_assert_false(flow_matches(known->internal_names, "scep.contoso.com"));
    g_assert_cmpint(known->pause, ==, MINUTE);
    flow_knowledge_free(knowledge);
}

/* Sentences, and no id that hides one which hides it, for both would vanish. */
static void
test_catalogue(void)
{
    flow_knowledge  *knowledge = flow_knowledge_new(NULL, NULL);
    const GPtrArray *catalogue = flow_knowledge_catalogue(knowledge);

    for (guint i = 0; i < catalogue->len; i++) {
        const flow_entry *entry = catalogue->pdata[i];

        g_test_message("%s", entry->id);
        g_assert_true(*entry->what && *entry->cause && *entry->fix && *entry->look);
        for (const char **id = entry->hides; *id; id++) {
            const flow_entry *hidden = entry_of(knowledge, *id);

            g_assert_nonnull(hidden);
            g_test_message("hides %s", *id);
            g_assert_true(hidden != entry);
            g_assert_false(g_strv_contains((const char *const *)hidden->hides, entry->id));
        }
    }
    flow_knowledge_free(knowledge);
}

static void
test_step_names(void)
{
    for (int step = FLOW_STEP_NONE + 1; step < FLOW_STEPS; step++)
        g_assert_cmpint(flow_step_by_name(flow_step_name((flow_step)step)), ==, step);
    g_assert_cmpint(flow_step_by_name("none"), ==, FLOW_STEP_NONE);
    g_assert_cmpint(flow_step_by_name("Get-CA-Cert"), ==, FLOW_STEP_NONE);
}

/* --- the language --- */

static void
test_conditions(void)
{
    static const char facts[] = "tcp=reset\nwait=3.5\nhttp.status=404\nhttp.server=Microsoft-HTTPAPI/2.0\ntls.sni=\n"
                                "certificate.subject=CN=Größe\nuser_agent=12 monkeys";

    g_assert_true(holds("tcp", facts));
    g_assert_true(holds("tls.sni", facts)); /* empty, but there */
    g_assert_false(holds("tls.alert", facts));
    g_assert_true(holds("!tls.alert", facts));
    g_assert_false(holds("! tcp", facts));

    g_assert_true(holds("tcp = reset", facts));
    g_assert_true(holds("tcp=closed | reset", facts));
    g_assert_false(holds("tcp = res", facts));
    g_assert_true(holds("http.server = MICROSOFT-httpapi*", facts));
    g_assert_true(holds("http.status = 40?", facts));
    g_assert_false(holds("http.status = 40", facts));
    g_assert_true(holds("certificate.subject = cn=GRÖSSE|CN=GRÖßE", facts));
    g_assert_false(holds("tls.alert = *", facts));

    g_assert_true(holds("tcp != closed|refused", facts));
    g_assert_false(holds("tcp != closed|reset", facts));
    g_assert_false(holds("tls.alert != closed", facts)); /* absent */
    g_assert_true(holds("!tls.alert = unknown_ca", facts));
    g_assert_true(holds("!tcp = closed", facts));
    g_assert_false(holds("!tcp = reset", facts));

    g_assert_true(holds("wait < 3.6", facts));
    g_assert_false(holds("wait < 3.5", facts));
    g_assert_true(holds("wait <= 3.5", facts));
    g_assert_true(holds("wait >= 3.5", facts));
    g_assert_false(holds("wait > 3.5", facts));
    g_assert_true(holds("wait > 3.4", facts));
    g_assert_true(holds("http.status >= 400", facts));
    g_assert_true(holds("http.status > 99", facts)); /* as numbers, not as text */
    g_assert_false(holds("tls.alert < 1", facts));
    g_assert_false(holds("user_agent > 1", facts)); /* no number */
    g_assert_false(holds("tls.sni < 1", facts));
}

static void
assert_no_condition(const char *text, const char *expected)
{
    char *problem;

    g_assert_null(flow_condition_parse(text, FLOW_ABOUT_EXCHANGE, &problem));
    g_test_message("%s", problem);
    g_assert_true(g_pattern_match_simple(expected, problem));
    g_free(problem);
}

static void
test_no_conditions(void)
{
    assert_no_condition("", "*no condition*");
    assert_no_condition("!", "*no condition*");
    assert_no_condition("= reset", "*no condition*");
    assert_no_condition("tcp reset", "*no condition*");
    assert_no_condition("tcp ~ reset", "*no condition*");
    assert_no_condition("TCP = reset", "*no condition*");
    assert_no_condition("tpc = reset", "unknown fact \"tpc\"*");
    assert_no_condition("tcp =", "*nothing to compare with*");
    assert_no_condition("tcp = |", "*empty pattern*");
    assert_no_condition("tcp = a||b", "*empty pattern*");
    assert_no_condition("wait > soon", "*\"soon\" is no number*");
    assert_no_condition("wait > 3 s", "*no number*");
    assert_no_condition("wait > inf", "*no number*");
    assert_no_condition("wait >", "*no number*");
    assert_no_condition("wait => 3", "*nothing to compare with*");
}

static void
assert_about(const char *text, flow_about about, bool expected)
{
    char           *problem, *in_braces = g_strconcat("{", text, "}", NULL), *text_problem;
    flow_condition *condition = flow_condition_parse(text, about, &problem);

    g_assert_cmpint(condition != NULL, ==, expected);
    g_assert_cmpint(problem == NULL, ==, expected);
    text_problem = flow_text_problem(in_braces, about);
    g_assert_cmpint(text_problem == NULL, ==, expected);
    if (!expected)
        g_assert_nonnull(strstr(problem, "is a fact about one"));
    g_clear_pointer(&condition, flow_condition_free);
    g_free(text_problem);
    g_free(in_braces);
    g_free(problem);
}

/* An entry about something wide knows nothing of the narrower things in it. */
static void
test_about(void)
{
    assert_about("http.status", FLOW_ABOUT_EXCHANGE, true);
    assert_about("http.status", FLOW_ABOUT_CONVERSATION, false);
    assert_about("http.status", FLOW_ABOUT_ENROLMENT, false);
    assert_about("leg", FLOW_ABOUT_EXCHANGE, true);
    assert_about("leg", FLOW_ABOUT_CONVERSATION, true);
    assert_about("leg", FLOW_ABOUT_ENROLMENT, false);
    assert_about("legs", FLOW_ABOUT_EXCHANGE, true);
    assert_about("legs", FLOW_ABOUT_CONVERSATION, true);
    assert_about("legs", FLOW_ABOUT_ENROLMENT, true);
}

static void
assert_filled(const char *text, const char *expected)
{
    static const char facts[] = "tcp=reset\nserver=a {tcp} b\nport=443";
    char             *filled = flow_entry_fill(text, fact_of, (void *)facts);

    g_assert_cmpstr(filled, ==, expected);
    g_free(filled);
}

static void
test_fill(void)
{
    static const char *const wrong[] = { "{tcp", "tcp}", "{}", "{tpc}", "{tcp|tpc}", NULL };

    assert_filled("", "");
    assert_filled("no fact", "no fact");
    assert_filled("{tcp}", "reset");
    assert_filled("({tcp}:{port}{port})", "(reset:443443)");
    assert_filled("{tls.alert}, {tcp}", "?, reset");
    assert_filled("{tls.alert|tcp}, {port|tcp}, {tls.alert|tls.sni}", "reset, 443, ?");
    assert_filled("{server}", "a {tcp} b"); /* what comes from the wire is no text of ours */
    assert_filled("open {tcp", "open {tcp");

    g_assert_null(flow_text_problem("{tcp} and {server|server_address}", FLOW_ABOUT_CONVERSATION));
    for (const char *const *text = wrong; *text; text++) {
        char *problem = flow_text_problem(*text, FLOW_ABOUT_EXCHANGE);

        g_test_message("%s: %s", *text, problem);
        g_assert_nonnull(problem);
        g_free(problem);
    }
}

/* --- what a user adds and replaces --- */

#define TEXTS "what=W\ncause=C\nfix=F\nlook=L\n"
#define ENTRY(id, more) "[" id "]\nabout=conversation\nseverity=warning\n" TEXTS "when=tcp = reset\n" more

static void
test_user(void)
{
    flow_knowledge      *built_in = flow_knowledge_new(NULL, NULL), *knowledge;
    GPtrArray           *problems;
    const flow_expected *expected;
    const flow_entry    *entry;

    give("flows/windows.flow", "\xef\xbb\xbf[flow]\r\ntitle=Ours\r\npriority=5\r\nschedule=every 90s\r\n\r\n"
                               "[conversation enrolment]\r\nsteps=get-ca-cert;pki-operation;\r\noptional=false\r\n");
    give("flows/thin-client.flow", "[flow]\ntitle=Thin\npriority=95\nuser-agents=Thin/*\n[conversation enrolment]\n"
                                   "steps=pki-operation\n[look]\nsync=Nowhere\n");
    give("flows/looks.conf", "[look]\nca-issue=Ask the CA\n");
    give("flows/recognition.conf", "[get-ca-caps]\nanswer=1-2\n[servers]\nnames=Enrol.*\n[tries]\npause=2m\n");
    give("catalogue/10-ours.conf",
         ENTRY("tcp-refused", "") "\n" ENTRY("ours", "hides=later\nwhen-2=tcp = closed; tls.sni\n"));
    give("catalogue/20-later.conf", ENTRY("later", "given=port = 443\n"));
    give("catalogue/notes.txt", "no entry");
    give("catalogue/.hidden.conf", "no entry");
    knowledge = knowledge_of_user(&problems);
    for (guint i = 0; i < problems->len; i++)
        g_test_message("%s", (const char *)problems->pdata[i]);
    g_assert_cmpuint(problems->len, ==, 0);

    g_assert_cmpuint(flow_knowledge_flows(knowledge)->len, ==, flow_knowledge_flows(built_in)->len + 1);
    expected = flow_knowledge_flows(knowledge)->pdata[0];
    g_assert_cmpstr(expected->name, ==, "windows");
    g_assert_cmpstr(expected->title, ==, "Ours");
    g_assert_cmpstr(expected->retry_words, ==, "every 90 seconds");
    assert_retry(expected, 0, 90 * MINUTE / 60, 0);
    g_assert_cmpuint(expected->stages->len, ==, 1);
    assert_stage(expected, 0, "enrolment", FLOW_GET_CA_CERT, FLOW_PKI_OPERATION, NULL);
    g_assert_cmpstr(expected->looks[FLOW_CA_ISSUE], ==, "Ask the CA");
    g_assert_nonnull(strstr(expected->looks[FLOW_NOTIFY], "NDESPlugin.log"));
    expected = flow_knowledge_flows(knowledge)->pdata[flow_knowledge_flows(knowledge)->len - 1];
    g_assert_cmpstr(expected->name, ==, "thin-client");
    g_assert_cmpstr(expected->looks[FLOW_SYNC], ==, "Nowhere");

    g_assert_cmpuint(flow_knowledge_recognition(knowledge)->answer[FLOW_GET_CA_CAPS].high, ==, 2);
    g_assert_cmpuint(flow_knowledge_recognition(knowledge)->request[FLOW_GET_CA_CAPS].high, ==,
                     flow_knowledge_recognition(built_in)->request[FLOW_GET_CA_CAPS].high);
    g_assert_true(flow_matches(flow_knowledge_recognition(knowledge)->names, "enrol.example"));
    g_assert_false(flow_matches(flow_knowledge_recognition(knowledge)->names, "scep.example"));
    g_assert_true(flow_matches(flow_knowledge_recognition(knowledge)->internal_names, "x.corp.example"));
    g_assert_cmpint(flow_knowledge_recognition(knowledge)->pause, ==, 2 * MINUTE);

    g_assert_cmpuint(flow_knowledge_catalogue(knowledge)->len, ==, flow_knowledge_catalogue(built_in)->len + 2);
    entry = entry_of(knowledge, "tcp-refused");
    g_assert_cmpstr(entry->what, ==, "W");
    g_assert_cmpint(entry->severity, ==, FLOW_WARNING);
    g_assert_true(flow_entry_holds(entry, fact_of, (void *)"tcp=reset"));
    g_assert_false(flow_entry_holds(entry, fact_of, (void *)"tcp=refused"));
    entry = entry_of(knowledge, "ours");
    g_assert_cmpstr(entry->hides[0], ==, "later");
    g_assert_null(entry->hides[1]);
    g_assert_true(flow_entry_holds(entry, fact_of, (void *)"tcp=reset"));
    g_assert_true(flow_entry_holds(entry, fact_of, (void *)"tcp=closed\ntls.sni=x"));
    g_assert_false(flow_entry_holds(entry, fact_of, (void *)"tcp=closed"));
    entry = entry_of(knowledge, "later");
    g_assert_true(flow_entry_holds(entry, fact_of, (void *)"tcp=reset\nport=443"));
    g_assert_false(flow_entry_holds(entry, fact_of, (void *)"tcp=reset\nport=80"));
    g_assert_false(flow_entry_holds(entry, fact_of, (void *)"port=443"));

    g_ptr_array_unref(problems);
    flow_knowledge_free(knowledge);
    flow_knowledge_free(built_in);
    take_all();
}

/* Only errors explain, and nothing explains itself. */
static void
test_hidden_by(void)
{
    GPtrArray        *problems;
    flow_knowledge   *knowledge;
    const flow_entry *entry;

    give("catalogue/a.conf", ENTRY("x-generic", "hidden-by=x-*\n") ENTRY("x-warning", "") ENTRY("y-error", "")
                             "[x-error]\nabout=conversation\nseverity=error\nwhen=tcp\n" TEXTS);
    knowledge = knowledge_of_user(&problems);
    g_assert_cmpuint(problems->len, ==, 0);
    entry = entry_of(knowledge, "x-error");
    g_assert_cmpstr(entry->hides[0], ==, "x-generic");
    g_assert_null(entry->hides[1]);
    g_assert_null(entry_of(knowledge, "x-generic")->hides[0]);
    g_assert_null(entry_of(knowledge, "x-warning")->hides[0]);
    g_assert_null(entry_of(knowledge, "y-error")->hides[0]);
    g_ptr_array_unref(problems);
    flow_knowledge_free(knowledge);
    take_all();
}

/* A folder that is not there, or has nothing in it. */
static void
test_no_user(void)
{
    GPtrArray      *problems = g_ptr_array_new_with_free_func(g_free);
    char           *nowhere = g_build_filename(user_folder, "nowhere", NULL);
    flow_knowledge *knowledge = flow_knowledge_new(nowhere, problems);

    g_assert_cmpuint(problems->len, ==, 0);
    flow_knowledge_free(knowledge);
    g_free(nowhere);
    g_ptr_array_unref(problems);
}

#define FLOW "[flow]\ntitle=T\npriority=1\n"
#define STAGE "[conversation a]\nsteps=sync\n"

/* A .flow file with a mistake leaves the built-in one of its name. */
static void
test_flow_mistakes(void)
{
    static const struct {
        const char *text, *problem;
    } mistakes[] = {
        { "[flow]\npriority=1\n" STAGE, "[flow] title: missing*" },
        { "[flow]\ntitle=T\n" STAGE, "[flow] priority: missing*" },
        { "[flow]\ntitle=T\npriority=first\n" STAGE, "[flow] priority: \"first\"*number*" },
        { "[flow]\ntitle=T\npriority=1001\n" STAGE, "[flow] priority: \"1001\"*" },
        { FLOW, "[flow]: *without conversations*" },
        { FLOW "colour=red\n" STAGE, "[flow] colour: unknown key*title*" },
        { "[flow]\ntitle=T\ntitle[de]=T\npriority=1\n" STAGE, "[flow] title[de]: unknown key*" },
        { FLOW "fallback=yes\n" STAGE, "[flow] fallback: \"yes\"*false, true" },
        { FLOW "behind=ca-issues\n" STAGE, "[flow] behind: unknown step \"ca-issues\"*" },
        { FLOW "schedule=every 5m; every 8h\n" STAGE, "[flow] schedule: \"every 5m\" is no interval*" },
        { FLOW "schedule=every 5\n" STAGE, "[flow] schedule: \"every 5\"*" },
        { FLOW "schedule=every 0m\n" STAGE, "[flow] schedule: \"every 0m\"*" },
        { FLOW "schedule=every 5m for ever\n" STAGE, "[flow] schedule: \"every 5m for ever\"*" },
        { FLOW "[conversation a]\noptional=true\n", "[conversation a] steps: missing*" },
        { FLOW "[conversation a]\nsteps=\n", "[conversation a] steps: empty*" },
        { FLOW "[conversation a]\nsteps=sync;;notify\n", "[conversation a] steps: an empty item*" },
        { FLOW "[conversation a]\nsteps=sync;GetCACert\n", "[conversation a] steps: unknown step \"GetCACert\"*" },
        { FLOW STAGE "order=random\n", "[conversation a] order: \"random\"*strict, any" },
        { FLOW "[conversation A B]\nsteps=sync\n", "[conversation A B]: \"A B\" is no role*" },
        { FLOW STAGE "[conversation a]\nsteps=notify\n", "[conversation a]: given twice*" },
        { FLOW STAGE "[talk]\n", "[talk]: unknown group*" },
        { FLOW STAGE "[look]\nsteps=x\n", "[look] steps: unknown step*" },
        { FLOW STAGE "[look]\nsync=\n", "[look] sync: empty*" },
        { "[flow]\ntitle=T\xff\npriority=1\n" STAGE, "octet 15 is not UTF-8*" },
        { "[flow]\ntitle=T\npriority 1\n", "*priority 1*" },
        { "title=T\n", "*" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        GPtrArray      *problems;
        flow_knowledge *knowledge;

        assert_mistake("flows/windows.flow", mistakes[i].text, mistakes[i].problem);
        give("flows/windows.flow", mistakes[i].text);
        knowledge = knowledge_of_user(&problems);
        g_assert_cmpstr(flow_knowledge_flow(knowledge, "windows")->title, ==, "Windows (CertEnroll)");
        g_ptr_array_unref(problems);
        flow_knowledge_free(knowledge);
        take_all();
    }
    assert_mistake("flows/My.flow", FLOW STAGE, "[flow]: \"My\" is no name*");
    assert_mistake("flows/recogniton.conf", "[tries]\npause=1m\n", "unknown file*");
    assert_mistake("flows/looks.conf", "[looks]\nsync=x\n", "[looks]: unknown group*");
}

static void
test_recognition_mistakes(void)
{
    static const struct {
        const char *text, *problem;
    } mistakes[] = {
        { "[get-ca-caps]\nrequest=5\n", "[get-ca-caps] request: \"5\" is no range*" },
        { "[get-ca-caps]\nrequest=9-5\n", "[get-ca-caps] request: \"9-5\" is no range*" },
        { "[get-ca-caps]\nrequest=1-5x\n", "[get-ca-caps] request: \"1-5x\" is no range*" },
        { "[get-ca-caps]\nrequest=1-4294967296\n", "[get-ca-caps] request: \"1-4294967296\" is no range*" },
        { "[get-ca-caps]\nrequest=1-2\nreply=1-2\n", "[get-ca-caps] reply: unknown key*request, answer" },
        { "[getcacaps]\nrequest=1-5\n", "[getcacaps]: unknown group*" },
        { "[servers]\nnames=a;;b\n", "[servers] names: an empty item*" },
        { "[tries]\npause=soon\n", "[tries] pause: \"soon\" is no duration*" },
        { "[tries]\npause=1m\npause=2m\n", "[tries] pause: given twice*" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        GPtrArray              *problems;
        flow_knowledge         *knowledge;
        const flow_recognition *known;

        assert_mistake("flows/recognition.conf", mistakes[i].text, mistakes[i].problem);
        give("flows/recognition.conf", mistakes[i].text);
        knowledge = knowledge_of_user(&problems);
        known = flow_knowledge_recognition(knowledge);
        g_assert_cmpuint(known->request[FLOW_GET_CA_CAPS].low, ==, 100);
        g_assert_true(flow_matches(known->names, "scep.example"));
        g_assert_cmpint(known->pause, ==, MINUTE);
        g_ptr_array_unref(problems);
        flow_knowledge_free(knowledge);
        take_all();
    }
}

#define HEAD "[tcp-refused]\nabout=exchange\nseverity=note\nwhen=legs\n"

/* An entry with a mistake leaves the built-in one of its id, and the other entries of its file. */
static void
test_catalogue_mistakes(void)
{
    static const struct {
        const char *text, *problem;
    } mistakes[] = {
        { ENTRY("tcp-refused", "when-2=tpc\n"), "[tcp-refused] when-2: unknown fact \"tpc\"*" },
        { ENTRY("tcp-refused", "when-2=tcp\nwhen-2=tls\n"), "[tcp-refused] when-2: given twice*" },
        { ENTRY("tcp-refused", "when-2=http.status = 404\n"),
          "[tcp-refused] when-2: \"http.status\" is a fact about one exchange*" },
        { ENTRY("tcp-refused", "when-2=\n"), "[tcp-refused] when-2: empty*" },
        { ENTRY("tcp-refused", "when-1=tcp\n"), "[tcp-refused] when-1: unknown key*" },
        { ENTRY("tcp-refused", "given=wait\n"), "[tcp-refused] given: \"wait\"*" },
        { ENTRY("tcp-refused", "colour=red\n"), "[tcp-refused] colour: unknown key*" },
        { ENTRY("tcp-refused", "hides=nothing\n"), "[tcp-refused] hides: there is no entry \"nothing\"*" },
        { ENTRY("tcp-refused", "hidden-by=nothing-*\n"), "[tcp-refused] hidden-by: there is no entry \"nothing-*\"*" },
        { ENTRY("Tcp", ""), "[Tcp]: no id*" },
        { ENTRY("tcp-refused", "") ENTRY("tcp-refused", ""), "[tcp-refused]: given twice*" },
        { "[tcp-refused]\nabout=packet\nseverity=note\nwhen=legs\n" TEXTS,
          "[tcp-refused] about: \"packet\"*exchange, conversation, enrolment" },
        { "[tcp-refused]\nabout=exchange\nseverity=fatal\nwhen=legs\n" TEXTS,
          "[tcp-refused] severity: \"fatal\"*note, warning, error" },
        { "[tcp-refused]\nseverity=note\nwhen=legs\n" TEXTS, "[tcp-refused] about: missing*" },
        { "[tcp-refused]\nabout=exchange\nwhen=legs\n" TEXTS, "[tcp-refused] severity: missing*" },
        { "[tcp-refused]\nabout=exchange\nseverity=note\n" TEXTS, "[tcp-refused] when: missing*" },
        { HEAD "cause=C\nfix=F\nlook=L\n", "[tcp-refused] what: missing*" },
        { HEAD "what=W\nfix=F\nlook=L\n", "[tcp-refused] cause: missing*" },
        { HEAD "what=W\ncause=C\nlook=L\n", "[tcp-refused] fix: missing*" },
        { HEAD "what=W\ncause=C\nfix=F\n", "[tcp-refused] look: missing*" },
        { "[tcp-refused]\nabout=enrolment\nseverity=note\nwhen=legs\nwhat={tcp}\ncause=C\nfix=F\nlook=L\n",
          "[tcp-refused] what: \"tcp\" is a fact about one conversation*" },
        { HEAD "what=W\ncause={tcp\nfix=F\nlook=L\n", "[tcp-refused] cause: a brace*" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        GPtrArray      *problems;
        flow_knowledge *knowledge;
        char           *text = g_strconcat(ENTRY("wap-503", ""), mistakes[i].text, NULL);

        assert_mistake("catalogue/a.conf", text, mistakes[i].problem);
        give("catalogue/a.conf", text);
        knowledge = knowledge_of_user(&problems);
        g_assert_cmpuint(problems->len, >, 0);
        g_assert_cmpint(entry_of(knowledge, "tcp-refused")->severity, ==, FLOW_ERROR);
        g_assert_true(flow_entry_holds(entry_of(knowledge, "tcp-refused"), fact_of, (void *)"tcp=refused"));
        g_assert_cmpint(entry_of(knowledge, "wap-503")->severity, ==, FLOW_WARNING);
        g_ptr_array_unref(problems);
        flow_knowledge_free(knowledge);
        take_all();
        g_free(text);
    }
}

int
main(int argc, char **argv)
{
    int   status;
    char *folder;

    support_init(&argc, &argv);
    user_folder = g_dir_make_tmp("scepshark-XXXXXX", NULL);
    user_files = g_ptr_array_new_with_free_func(g_free);
    g_test_add_func("/knowledge/built-in", test_built_in);
    g_test_add_func("/knowledge/flows", test_flows);
    g_test_add_func("/knowledge/recognition", test_recognition);
    g_test_add_func("/knowledge/catalogue", test_catalogue);
    g_test_add_func("/knowledge/step-names", test_step_names);
    g_test_add_func("/knowledge/conditions", test_conditions);
    g_test_add_func("/knowledge/no-conditions", test_no_conditions);
    g_test_add_func("/knowledge/about", test_about);
    g_test_add_func("/knowledge/fill", test_fill);
    g_test_add_func("/knowledge/user", test_user);
    g_test_add_func("/knowledge/hidden-by", test_hidden_by);
    g_test_add_func("/knowledge/no-user", test_no_user);
    g_test_add_func("/knowledge/flow-mistakes", test_flow_mistakes);
    g_test_add_func("/knowledge/recognition-mistakes", test_recognition_mistakes);
    g_test_add_func("/knowledge/catalogue-mistakes", test_catalogue_mistakes);
    status = support_run();
    for (const char *const *kind = (const char *const[]){ "flows", "catalogue", "", NULL }; *kind; kind++) {
        folder = g_build_filename(user_folder, *kind, NULL);
        g_rmdir(folder);
        g_free(folder);
    }
    g_ptr_array_unref(user_files);
    g_free(user_folder);
    return status;
}
