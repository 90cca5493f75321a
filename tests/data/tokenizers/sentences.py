# SPDX-License-Identifier: Apache-2.0
"""Short sentences in many scripts, written for this test, and pieces that tokenizers find hard."""

SENTENCES = {
    "english": [
        "The node's clock drifted; we've restarted it twice.",
        "I'm sure they'll say it'd been John's idea, but YOU'RE WRONG!",
        "Which answer is right: (a) 12, (b) 3.5e-4 or (c) neither?",
        "She said \"don't\", he said 'won't', and it isn't over -- not yet...",
        "Batch jobs run at night, users sleep, the queue does not.",
        "Re-entrant, well-known, state-of-the-art: hyphens everywhere.",
    ],
    "french": ["Où est-ce que l'été s'arrête ? À Noël, peut-être.", "Ça coûte 1 234,56 € — « trop cher », dit-elle.",
               "L'œuvre naïve d'un garçon de café."],
    "german": ["Die Größe der Übung überrascht: 3,5 Stunden.", "Straßenbahnhaltestellenschild", "„Äpfel“, sagte er, „und Öl“."],
    "spanish": ["¿Cuántos años tiene el niño? ¡Ningún problema!", "El pingüino voló mañana."],
    "portuguese": ["A solução não está à mão; amanhã será.", "Três irmãs põem maçãs."],
    "polish": ["Zażółć gęślą jaźń.", "Łódź płynie w źdźbłach trawy."],
    "czech": ["Příliš žluťoučký kůň úpěl ďábelské ódy.", "Řeřicha a škvíra."],
    "turkish": ["İstanbul'da ılık bir akşam, ağaçlar gölgede.", "Şişli'de çığlık, DİYARBAKIR'da ışık."],
    "vietnamese": ["Tiếng Việt có nhiều dấu thanh.", "Một người đàn ông đọc sách ở Huế."],
    "hungarian": ["Árvíztűrő tükörfúrógép.", "Őszi eső, hűvös reggel."],
    "icelandic": ["Kæmi ný öxi hér ykist þjófum nú bæði víl og ádrepa."],
    "russian": ["Съешь же ещё этих мягких булок.", "В 2024 году ёлка стояла у подъезда №5.", "ОШИБКА: файл не найден!"],
    "ukrainian": ["Їжак з'їв гриб у ґанку, і ніхто не бачив.", "Щойно прийшов п'ятий потяг."],
    "bulgarian": ["Жълтата дюля беше щастлива."],
    "greek": ["Η γρήγορη αλεπού πηδά πάνω από τον σκύλο.", "Οδυσσεύς, ΣΊΣΥΦΟΣ και άλλοι· τι λες;", "Ὦ ἄνδρες Ἀθηναῖοι"],
    "armenian": ["Երևանը գեղեցիկ քաղաք է։", "Բարև ձեզ, ինչպե՞ս եք։"],
    "georgian": ["საქართველო მთიანი ქვეყანაა.", "გამარჯობა, როგორ ხარ? ᲗᲑᲘᲚᲘᲡᲘ"],
    "arabic": ["السلام عليكم، كيف حالك؟", "القِطُّ عَلَى السَّطْحِ", "في عام ٢٠٢٤ كان السعر ١٢٫٥٠ ريال", "مـــرحـــبا"],
    "persian": ["می‌خواهم کتاب‌ها را بخوانم.", "سال ۱۴۰۳ خورشیدی"],
    "urdu": ["یہ ایک چھوٹا سا جملہ ہے۔", "پاکستان ۲۰۲۴"],
    "hebrew": ["שלום עולם, מה שלומך?", "בְּרֵאשִׁית בָּרָא", "צה\"ל וארה\"ב"],
    "yiddish": ["אַ גוטן טאָג, ייִדיש"],
    "syriac": ["ܫܠܡܐ ܥܠܝܟܘܢ"],
    "devanagari": ["नमस्ते दुनिया, आप कैसे हैं?", "क्षत्रिय ज्ञान विद्यार्थी", "वर्ष २०२४ में ₹५०० का नोट।"],
    "marathi": ["मराठी भाषा सोपी आहे."],
    "bengali": ["আমার সোনার বাংলা", "ঢাকা ২০২৪ সালে খুব গরম।"],
    "gurmukhi": ["ਸਤ ਸ੍ਰੀ ਅਕਾਲ ਦੁਨੀਆ"],
    "gujarati": ["કેમ છો દુનિયા?", "ગુજરાતી ૧૨૩"],
    "tamil": ["வணக்கம் உலகம்", "தமிழ் மொழி இனிமை. ௧௨௩"],
    "telugu": ["నమస్కారం ప్రపంచం", "తెలుగు భాష"],
    "kannada": ["ನಮಸ್ಕಾರ ಜಗತ್ತು"],
    "malayalam": ["നമസ്കാരം ലോകം", "മലയാളം എളുപ്പമാണോ?"],
    "sinhala": ["ආයුබෝවන් ලෝකය"],
    "thai": ["สวัสดีชาวโลก", "ราคา ๒๕๐ บาท น้ำแข็งอยู่ที่ไหน", "กรุงเทพมหานคร"],
    "lao": ["ສະບາຍດີຊາວໂລກ"],
    "khmer": ["សួស្តីពិភពលោក", "ភាសាខ្មែរ ១២៣"],
    "burmese": ["မင်္ဂလာပါ ကမ္ဘာ", "၁၂၃ မြန်မာ"],
    "tibetan": ["བཀྲ་ཤིས་བདེ་ལེགས།"],
    "amharic": ["ሰላም ልዑል፣ እንዴት ነህ?"],
    "cherokee": ["ᎣᏏᏲ ᎡᎶᎯ ꭰꭱ"],
    "inuktitut": ["ᐊᐃ ᓄᓇᕐᔪᐊᖅ"],
    "mongolian": ["ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ", "Сайн байна уу, дэлхий"],
    "chinese": ["你好，世界！今天天气怎么样？", "大语言模型在超级计算机上运行。", "第3章：2024年12月31日", "龥龦龧鿿", "「繁體中文」與臺灣", "𠮷野家和𡃁妹"],
    "japanese": ["こんにちは世界。", "カタカナとひらがなと漢字を混ぜる", "ＡＢＣ１２３ｱｲｳｴｵﾞﾟ", "スーパーコンピュータ「富岳」で実行", "がぎぐ・ゔ・々〆ヶ", "東京都は人口1,400万人です。"],
    "korean": ["안녕하세요 세계!", "서울은 대한민국의 수도입니다.", "한글과 漢字 그리고 English", "ㄱㄴㄷ ㅏㅑㅓ"],
    "yi": ["ꆈꌠꁱꂷ"],
    "gothic": ["𐌼𐌰𐌲 𐌲𐌻𐌴𐍃"],
    "old_scripts": ["𓀀𓂀𓃰 𒀀𒁀", "ᚠᚢᚦᚨᚱᚲ", "𐎠𐎡𐎢"],
    "math": ["∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "∑ᵢ₌₁ⁿ i² ≈ n³⁄3", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟏𝟐𝟑 ½ ¾ Ⅷ ⑳ ㊿", "α₁·β² ≤ γ ± 10⁻³"],
}

EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇯🇵", "🤦🏿‍♂️", "❤️", "☎", "1️⃣", "🧑‍💻", "👨‍👩‍👧", "🫠", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "✈️", "🎉🎉🎉", "☺", "⁉️"]

CODE = [
    "def f(x: int) -> str:\n    return f\"{x!r:>10}\"  # comment\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2.0f; }",
    "#include <vector>\nint main() { return 0; }\n",
    "SELECT * FROM t WHERE a='x' AND b<>3;",
    "if __name__ == '__main__':\n\tmain()\n",
    "<a href=\"https://example.org/?q=1&r=%20\">link</a>",
    "{\"key\": [1, 2.5, null], \"snow\\u2603\": true}",
    "$ mpirun -n 8 ./talus run -tp 2 >log 2>&1 &",
    "x = y**2 // 3 if z else ~w ^ 0xFF",
    "\\documentclass{article}\\begin{equation}\\frac{1}{2}",
    "std::vector<std::pair<int, float>> v{{1, 2.f}};",
    "@decorator\nasync def g(*args, **kw): await h()",
    "C:\\Users\\name\\file.txt /usr/lib/x86_64-linux-gnu/libm.so.6",
    "fn main() { println!(\"{:?}\", vec![1u8; 4]); }",
    "key:\n  - item: 1\n  - item: 2\r\n",
]

SPACES = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", " \n", "\n ", "\u00a0", "\u2003", "\u3000", "\u2009", "\u200b",
          "\u2028", "\u2029", "\u0085", "\u000b", "\u000c", "\u1680", "\u202f", "\u205f", "\ufeff", "\u001c", "\t\t", " \r\n \n"]

MARKS = ["\u0301", "\u0308", "\u0327", "\u0323\u0307", "\u0307\u0323", "\u20e3", "\u0e48", "\u094d", "\u05b0", "\u064b",
         "\u302a", "\u3099", "\ufe0f", "\u200d", "\u0345", "\u1ab0", "\U0001d165"]

CONTROLS = ["\u0000", "\u0001", "\u0007", "\u0008", "\u001b[31m", "\u001f", "\u007f", "\u0080", "\u009f", "\u00ad", "\u202e",
            "\u2066", "\ufffd", "\ufffe", "\uffff", "\ue000", "\U0010ffff", "\U000e0001", "\u200e"]

NUMBERS = ["0", "7", "42", "123", "1234", "12345678901234567890", "3.14159", "-1e-10", "1,234,567.89", "0x1F", "٣٤٥٦", "१२३४", "๔๕๖",
           "１２３４", "²³", "½", "Ⅻ", "1st", "v2.0.1", "192.168.0.1", "12:34:56", "2024-12-31", "50%", "1/2", "٠", "𝟜𝟚", "a1b2c3"]

# The special and other added tokens of all tokenizers here, spoiled ones among them.
MARKERS = ["<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>",
           "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<｜begin▁of▁sentence｜>",
           "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<mask>", "<pad>", "<sep>", "<sep>sep", "solo", "caf\u00e9!", "Caf\u0065\u0301!",
           "<UPPER>", "<upper>", "tab\tok", "\u00a7", "<|im_start", "|im_end|>", "<|", "|>", "<", "< think >", "<THINK>", "</s>", "<s>",
           "<unk>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "[INST]", "[/INST]", "<extra_id_0>", "<|start|>", "<|channel|>",
           "▁", "▁▁the", "<0x41>", "<0xF0>", "<0x0A>", "<0x>"]

# Composed, decomposed and compatibility forms.
FORMS = ["é", "e\u0301", "Å", "\u212b", "A\u030a", "ﬁ", "ﬃ", "Ω", "\u2126", "한", "\u1112\u1161\u11ab", "ǆ", "ẛ̣", "ſ", "①", "㍿", "ﷺ", "が",
         "か\u3099", "\u0344", "\u0958", "\u2adc", "q\u0323\u0307", "q\u0307\u0323", "İ", "ß", "ẞ", "Σας", "ΣΑΣ", "ŉ", "ǰ", "\uf900", "\U0002f800",
         "…", "™", "ª", "ĳ", "ΐ", "ὖ", "ᾳ", "Ǆ", "ǅ", "K", "x\u0338", "\u1e9b\u0323", "\ufb1d"]
