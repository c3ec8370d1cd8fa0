"""Words that a world is made of: names in many scripts, and text that breaks careless pages."""

PEOPLE = (
    *("Ada Lindqvist", "Grace Okafor", "Émile Durand", "Søren Kjær", "Zoë Brontë", "Łukasz Żak", "José Núñez"),
    *("Aoife O’Sullivan", "Nguyễn Thị Hương", "İpek Yıldız", "Þóra Jónsdóttir", "Jean-Luc d'Estaing", "Bob Stone"),
    *("Анна Смирнова", "Дмитрий Шевченко", "Ελένη Παπαδοπούλου", "יעל כהן", "محمد الفاتح", "فاطمة زهراء"),
    *("王 小明", "山田 太郎", "김 민준", "प्रिया शर्मा", "สมชาย ใจดี", "தமிழ் செல்வி", "አበበ ቢቂላ", "გიორგი ბერიძე"),
    *("Maria dos Santos", "Kwame Mensah", "Leilani Kealoha", "Sinéad Ní Bhriain", "Müller Jürgen", "Ib Vang"),
    *("Olga Novák", "Petra Weiß", "Tom Lee", "Ann Li", "Karthik Subramanian", "Chloé Lefèvre", "Mateusz Wójcik"),
)
FIRST = tuple(name.split(" ")[0] for name in PEOPLE)
LAST = tuple(" ".join(name.split(" ")[1:]) for name in PEOPLE)
COMPANIES = (
    *("Northwind Trading", "Blue Yonder", "Kestrel & Sons", "Ångström Labs", "Café Ölmütz", "Пекарня №1"),
    *("東京機械", "شركة النور", "Ωmega Shipping", "Tiny", "The Extraordinarily Long-Named Cooperative of Lower Saxony"),
    *("Harbour Lights", "Quill, Ink & Paper", "Fjord Analytics", "O'Neill Brothers", "Mañana Media", "3 Rivers"),
    *("Granite Peak", "Saffron Foods", "Juniper Health", "Copper Kettle", "Velvet Motors", "Prairie Grain"),
)
SUFFIXES = ("Ltd", "GmbH", "S.A.", "Inc.", "AB", "& Co", "株式会社", "LLC", "B.V.", "")
TITLES = ("CEO", "Head of Sales", "Buyer", "CTO", "Office manager", "Engineer II", "Directrice générale", "経理", "")
CITIES = (
    *(("Lisbon", "Portugal"), ("Kraków", "Poland"), ("Reykjavík", "Iceland"), ("Lagos", "Nigeria")),
    *(("大阪", "日本"), ("São Paulo", "Brasil"), ("Köln", "Germany"), ("O'Fallon", "United States")),
)
TAGS = (
    *("customer", "prospect", "partner", "VIP", "Newsletter", "csv import", "best,premium", "à rappeler"),
    *("重要", "😀 happy", "trade fair 2025", "<b>bold</b>", "50% off", "a/b", "do not call"),
)
DEAL_TAGS = ("renewal", "upsell", "urgent", "Q1", "Q2", "tender", "at risk", "référence", "🚀", "x<y")
PRODUCTS = ("Licences", "Support plan", "Migration", "Training", "Hardware", "Retainer", "Audit", "Pilot")
HOSTILE = (
    "<script>alert('xss')</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://evil.test","click")',
    "+1+1|cmd /c calc",
    "@SUM(A1:A9)",
    "\u202egnp.exe\u202c reversed",
    "javascript:alert(1)",
    "{{ 7*7 }} {% debug %} ${7*7}",
    "' OR 1=1; DROP TABLE contacts; --",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈 flag 👍🏽",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "zero\u200bwidth\u200djoin\ufeffed",
    "tab\there\r\nand a line",
    "&lt;already&gt; &amp;escaped;",
    "W" * 240,
)
NOTES = (
    "<p>Called about the <b>renewal</b>; wants a quote by Friday.</p>",
    "<div>Met at the fair.<br>Likes <i>short</i> e-mails.</div><ul><li>budget</li><li>timing</li></ul>",
    "%3Cfont%20color%3D%22%23333%22%3ESpoke%20with%20the%20buyer%3C%2Ffont%3E",
    '<p>See <a href="https://example.com/offer?a=1&amp;b=2">the offer</a>.</p>',
    '<p onclick="alert(1)">Hello<script>alert(2)</script><img src="http://tracker.test/x.gif" onerror="alert(3)"></p>',
    '<a href="javascript:alert(4)">click</a><iframe src="//evil.test"></iframe><style>*{display:none}</style>',
    "Plain text, no markup: 5 < 6 & 7 > 2",
    "<p>Привет, 世界, مرحبا 👋</p>",
    "<table><tr><td>Q1</td><td>10,000</td></tr></table><p>&nbsp;</p><p>&eacute;t&eacute;</p>",
    "<div>" * 30 + "deep" + "</div>" * 30,
)
