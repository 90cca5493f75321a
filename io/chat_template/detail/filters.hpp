// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/value.hpp"

/// \file
/// The filters, `value | filter(arguments)`, each with Jinja's meaning. They throw Failure for
/// wrong arguments and for values that they are not for.

namespace talus::io::jinja::filters {

// Text: filters_text.cpp.
Value capitalize(Runtime&, Value const&, Arguments const&);
Value center(Runtime&, Value const&, Arguments const&);
Value format(Runtime&, Value const&, Arguments const&);
Value indent(Runtime&, Value const&, Arguments const&);
Value lower(Runtime&, Value const&, Arguments const&);
Value replace(Runtime&, Value const&, Arguments const&);
Value string(Runtime&, Value const&, Arguments const&);
Value title(Runtime&, Value const&, Arguments const&);
Value trim(Runtime&, Value const&, Arguments const&);
Value truncate(Runtime&, Value const&, Arguments const&);
Value upper(Runtime&, Value const&, Arguments const&);
Value wordcount(Runtime&, Value const&, Arguments const&);
Value wordwrap(Runtime&, Value const&, Arguments const&);

// Text for the web and for programs: filters_markup.cpp, filters_json.cpp.
Value escape(Runtime&, Value const&, Arguments const&);
Value forceescape(Runtime&, Value const&, Arguments const&);
Value pprint(Runtime&, Value const&, Arguments const&);
Value safe(Runtime&, Value const&, Arguments const&);
Value striptags(Runtime&, Value const&, Arguments const&);
Value tojson(Runtime&, Value const&, Arguments const&);
Value urlencode(Runtime&, Value const&, Arguments const&);
Value xmlattr(Runtime&, Value const&, Arguments const&);

// Numbers: filters_number.cpp.
Value abs(Runtime&, Value const&, Arguments const&);
Value filesizeformat(Runtime&, Value const&, Arguments const&);
Value floating(Runtime&, Value const&, Arguments const&);
Value integer(Runtime&, Value const&, Arguments const&);
Value round(Runtime&, Value const&, Arguments const&);

// Collections: filters_sequence.cpp.
Value attr(Runtime&, Value const&, Arguments const&);
Value batch(Runtime&, Value const&, Arguments const&);
Value defaults(Runtime&, Value const&, Arguments const&);
Value first(Runtime&, Value const&, Arguments const&);
Value items(Runtime&, Value const&, Arguments const&);
Value join(Runtime&, Value const&, Arguments const&);
Value last(Runtime&, Value const&, Arguments const&);
Value length(Runtime&, Value const&, Arguments const&);
Value list(Runtime&, Value const&, Arguments const&);
Value reverse(Runtime&, Value const&, Arguments const&);
Value slice(Runtime&, Value const&, Arguments const&);

// Order: filters_order.cpp.
Value dictsort(Runtime&, Value const&, Arguments const&);
Value groupby(Runtime&, Value const&, Arguments const&);
Value max(Runtime&, Value const&, Arguments const&);
Value min(Runtime&, Value const&, Arguments const&);
Value sort(Runtime&, Value const&, Arguments const&);
Value unique(Runtime&, Value const&, Arguments const&);

// Filters that apply another filter or a test to each item: filters_select.cpp.
Value map(Runtime&, Value const&, Arguments const&);
Value reject(Runtime&, Value const&, Arguments const&);
Value rejectattr(Runtime&, Value const&, Arguments const&);
Value select(Runtime&, Value const&, Arguments const&);
Value selectattr(Runtime&, Value const&, Arguments const&);
Value sum(Runtime&, Value const&, Arguments const&);

}  // namespace talus::io::jinja::filters
