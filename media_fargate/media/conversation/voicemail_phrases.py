"""How answering machines speak, and people who sound like one: patterns by language (`spoken_phrases.Phrases`).

`SURE`: no person opens a call like that. `LIKELY`: two of these make a machine. `PERSON`: asks or offers something of
whoever called, so the likely ones count for nothing. `ASKED`: a question to the caller that uses a machine's words
("would you like to leave a message?"); it is cut out first. A single word such as "message" is never enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """One language's patterns. `word_borders` False: its script writes no spaces."""

    sure: tuple[str, ...]
    likely: tuple[str, ...] = ()
    person: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    word_borders: bool = True


MACHINES: Mapping[str, Machine] = {
    "en": Machine(
        sure=(
            r"(?:leave|record)(?: me| us)?(?: a| an| your| the) _ (?:message|voicemail|voice mail|number|name|details)",
            r"(?:after|at|wait for|following|hear) (?:the|a|that) (?:\w+ )?(?:tone|beep|bleep|signal)",
            r"(?:reached|through to|this is) _ (?:voice ?mail|mail ?box|answering (?:machine|service)|answerphone)",
            r"(?:voice ?mail|mail ?box|inbox) (?:\w+ )?(?:is|has|is currently) (?:full|not been set up|not set up)",
            r"(?:forwarded|redirected|transferred) to _ (?:voice ?mail|voice messag\w+|messag\w+|mail ?box|answering \w+)",
            (
                r"you (?:are|re|have|ve)?(?: \w+){0,2} ?(?:called|calling|dialled|dialed|call|reach) _ "
                r"(?:not available|unavailable|cannot be|can t be|switched off|not answering|not in service|unable to)"
            ),
            r"(?:i|we) _ (?:can t|cannot|can not|unable to|not able to) _ (?:come|get) to the (?:phone|telephone)",
            r"(?:no one|nobody|none of us) _ (?:take|answer|come to|get to) (?:your|the) (?:call|phone)",
            r"(?:when|once) you (?:are|re|have|ve) (?:finished|done) _ (?:hang up|press)|you may hang up",
            r"(?:i|we) (?:will|ll)(?: \w+)? (?:return|get back to) _ (?:as soon as|at (?:my|our) earliest)",
            r"(?:i|we)(?: am| are| m| re)? (?:currently )?unable to (?:take|answer) your call",
        ),
        likely=(
            r"you (?:have|ve) (?:reached|called|got through to) \w+|thank(?:s| you) for calling(?! back)",
            (
                r"(?:i|we) _ (?:can t|cannot|can not|unable to|not able to) (?:\w+ )?(?:take|answer|pick up|get) "
                r"(?:your|the|my|our)(?: \w+)? (?:phone|call|calls)"
            ),
            r"(?:i|we)(?: am| are| m| re)(?: \w+)? (?:not (?:here|home|in|available|around|at|able)|away|unavailable|out of)",
            r"(?:as soon as|when) (?:i|we|you|possible)(?: can)?|shortly|at (?:my|our) earliest",
            r"(?:call|get|ring|phone)(?: you)? back (?:to you )?(?:as|when|once|soon|shortly)",
            r"missed your call|your call is important|(?:are|is) (?:currently |now )?closed",
            r"(?:office|opening|business) hours are|voice messag\w+ system",
            r"(?:press|dial) (?:\w+ )?(?:one|two|zero|star|hash|pound|\d)",
        ),
        person=(
            r"(?:how|what|who) (?:can|may|could|should|shall) (?:i|we)|can i (?:help|take)|(?:who|what) is (?:this|it)",
            r"who s (?:this|calling|speaking)|who am i|go ahead|hold on|call me (?:later|back)|talk (?:right )?now",
        ),
        asked=(
            (
                r"(?:would|do|did|could|can|shall|should|will|may) (?:you|i|we) _ (?:leave|take|pass|record|give) _ "
                r"(?:message|voicemail|name|number)"
            ),
            r"(?:not|isn t) (?:an?|the|my) (?:answering machine|voice ?mail|machine)",
        ),
    ),
    "nl": Machine(
        sure=(
            r"(?:spreek|laat|dicteer) _ (?:bericht|boodschap|naam|nummer|telefoonnummer)",
            r"(?:bericht|boodschap)(?:je)? (?:in ?spreken|achter ?laten|in te spreken|achter te laten|na de)",
            r"(?:na|wacht op|hoort|hoor) (?:de|het) (?:\w+ )?(?:piep|pieptoon|toon|biep|signaal|bliep)",
            r"(?:dit is|met|bereikt|naar) (?:de |het |mijn |onze |een )?(?:\w+ ){0,2}(?:voice ?mail|antwoordapparaat)",
            r"(?:voice ?mail|antwoordapparaat|mailbox) (?:van|is vol)",
            r"(?:gebeld|gekozen|belt|bellen|bereiken|kiest) _ (?:is|zijn) _ niet (?:bereikbaar|beschikbaar|in gebruik)",
            r"(?:ik|we|wij) _ (?:telefoon|gesprek|oproep) _ niet (?:beantwoorden|opnemen|aannemen)",
        ),
        likely=(
            r"(?:ben|zijn|kan|kunnen) (?:ik|wij|we) _ niet|(?:ik|wij|we) (?:ben|zijn|kan|kunnen) _ niet",
            r"(?:niet|even niet) (?:\w+ )?(?:bereikbaar|beschikbaar|aanwezig|opnemen|te woord staan)|er (?:even )?niet",
            r"(?:zo snel|zo spoedig|zo gauw) mogelijk|bel(?:len)?(?: ik| we| wij)? (?:u|je) (?:dan )?(?:zo \w+ )?terug",
            r"(?:verbonden met|gebeld (?:met|naar))",
            r"wij zijn _ gesloten|buiten (?:onze )?(?:kantoor|openings)\w+",
            r"(?:openingstijden|kantooruren) zijn|welkom bij",
        ),
        person=(r"waarmee kan|wat kan ik|met wie|wie is|zegt u het|kan ik (?:u|je) helpen|bel me|kun je|kunt u",),
        asked=(
            r"(?:wilt|wil|kan|zal|kunt|mag|moet|zou) (?:u|je|ik|jij|we) _ (?:bericht|boodschap|naam)(?: \w+){0,2}",
            r"(?:niet|geen) (?:de |het |mijn )?(?:voice ?mail|antwoordapparaat)",
        ),
    ),
    "de": Machine(
        sure=(
            (
                r"(?:hinterlassen|hinterlasse|hinterlasst|hinterlaß|sprechen|sprich|sprecht) _ "
                r"(?:nachricht|namen?|rufnummer|telefonnummer|anliegen|nummer)"
            ),
            r"(?:nachricht|namen|nummer|rufnummer) (?:zu )?(?:hinterlassen|nach dem)",
            r"(?:nach|auf) (?:dem|den) (?:\w+ )?(?:signalton|piepton|ton|signal|piep|pfeifton|tonsignal|piepen)",
            (
                r"(?:verbunden mit|erreicht|hier ist|hier spricht|willkommen|dies ist|das ist) _ "
                r"(?:mailbox|anrufbeantworter\w*|sprachbox|voicemail|mobilbox|combox)"
            ),
            r"(?:mailbox|anrufbeantworter|sprachbox|voicemail|mobilbox|combox) (?:von|der|des|ist voll)",
            (
                r"(?:teilnehmer|gesprachspartner|rufnummer|anschluss|person|nummer) _ (?:nicht|vorübergehend) _ "
                r"(?:erreichbar|erreichen|verfügbar|vergeben)"
            ),
            r"außerhalb unserer (?:geschäfts|öffnungs|büro|sprech)\w+",
            r"(?:ich|wir) _ nicht (?:\w+ )?(?:ans telefon|zum telefon) (?:kommen|gehen)",
        ),
        likely=(
            r"(?:bin|sind|kann|können) (?:ich|wir) _ nicht|(?:ich|wir) (?:bin|sind|kann|können) _ nicht",
            r"nicht (?:\w+ )?(?:erreichbar|zu erreichen|da|zu hause|verfügbar|persönlich|entgegennehmen|im büro|am platz)",
            r"(?:so (?:schnell|bald) wie möglich|schnellstmöglich|umgehend|sobald (?:ich|wir))",
            r"(?:haben|hast) _ (?:erreicht|angerufen|gewählt)|verbunden mit|anschluss von",
            r"(?:rufe?n?|melden?) _ zurück",
        ),
        person=(
            r"was kann ich|wie kann ich|wer (?:ist|spricht)|kann ich (?:ihnen|dir|helfen)|rufen sie|ruf mich|worum",
        ),
        asked=(
            (
                r"(?:möchten|möchtest|wollen|willst|kann|darf|soll|können|würden) (?:sie|ich|du|wir) _ "
                r"(?:nachricht|hinterlassen|ausrichten|namen?)(?: \w+){0,2}"
            ),
            r"(?:nicht|kein) (?:der |die |mein\w* )?(?:anrufbeantworter|mailbox)",
        ),
    ),
    "fr": Machine(
        sure=(
            r"(?:laissez|laisser|laisse|enregistrez|déposez|déposer) _ (?:message|nom|coordonnées|numéro)",
            r"(?:après|attendez) (?:le|la|ce) (?:\w+ )?(?:bip|signal|tonalité|top|beep)",
            r"(?:sur|avec|joint|joindre|bienvenue) (?:\w+ ){0,3}(?:messagerie|répondeur|boîte vocale)",
            r"(?:messagerie|répondeur|boîte) (?:vocale )?(?:de|du|d|est pleine|est saturée)",
            (
                r"(?:votre correspondant|(?:personne|abonné|correspondant|numéro) que vous) _ "
                r"(?:pas|plus|indisponible|injoignable|ne répond)"
            ),
        ),
        likely=(
            r"(?:je|nous) (?:ne )?(?:suis|sommes|peux|pouvons) (?:\w+ )?pas|(?:suis|sommes) _ (?:absente?s?|indisponibles?)",
            r"(?:disponible|joignable|répondre|décrocher|prendre votre appel)",
            r"(?:rappel\w+|recontact\w+|répondr\w+) _ (?:dès que|aussi|plus (?:vite|tôt)|rapidement|bref)|dès que possible",
            r"vous êtes (?:bien )?(?:chez|sur|au|en)|vous avez (?:bien )?(?:joint|appelé)",
            r"(?:actuellement|bureaux|horaires) _ (?:fermés?|sont)",
        ),
        person=(
            r"(?:que|comment) puis|qui est|c est qui|je vous écoute|puis je|en quoi|c est pour|rappelez moi|rappelle moi",
        ),
        asked=(
            r"(?<!si vous )(?<!si tu )(?:voulez|voudriez|souhaitez|veux|peux|puis|dois|pouvez) (?:vous|tu|je) _ message",
            r"pas (?:un |le |mon )?(?:répondeur|messagerie)",
        ),
    ),
    "es": Machine(
        sure=(
            (
                r"(?:deje|deja|dejen|déjanos|déjenos|déjame|déjeme|grabe|graba|dejar|dejarnos|dejarme) _ "
                r"(?:mensaje|nombre|recado|número|datos)"
            ),
            r"(?:después|luego|tras|al oír|al escuchar|al|espere)(?: de)?(?: la| el) (?:\w+ )?(?:señal|tono|pitido|bip)",
            r"(?:con|al|es|desviada) (?:\w+ )?(?:buzón|contestador)",
            r"(?:buzón|contestador) (?:\w+ ){0,2}(?:de \w+ está lleno|está lleno|de)",
            r"(?:que|al que) (?:usted )?(?:ha |has )?(?:marcado|marcó|llama|llamado|busca) _ (?:no|apagado|fuera)",
            r"apagado o fuera de",
        ),
        likely=(
            r"no (?:puedo|podemos|estoy|estamos|me encuentro|nos encontramos|puede)",
            r"(?:atender\w*|contestar\w*|disponibles?|responder\w*) ?",
            r"(?:lo antes posible|en cuanto (?:pueda|podamos|sea)|tan pronto|a la brevedad)",
            r"(?:ha|has|se ha) (?:llamado|comunicado|contactado)|te has comunicado",
        ),
        person=(
            r"(?:en qué|qué) (?:le |te |lo )?(?:puedo|podemos)|quién (?:es|habla|llama)|dígame|puedo ayudar|llámame",
        ),
        asked=(
            (
                r"(?<!si )(?:quiere|quieres|desea|puedo|podría|quisiera|gustaría) _ (?:dejar\w*|tomar\w*) _ "
                r"(?:recado|mensaje|nombre)"
            ),
            r"no (?:es|soy) (?:el |un )?(?:contestador|buzón)",
        ),
    ),
    "it": Machine(
        sure=(
            (
                r"(?:lasciate|lascia|lasci|lasciare|lasciateci|lasciatemi|lasciami|registrate) _ "
                r"(?:messaggio|nome|numero|recapito)"
            ),
            r"(?:dopo|attendere|attendete) (?:il|la|l|un) (?:\w+ )?(?:segnale|bip|beep|tono|avviso)",
            r"segreteria telefonica|casella (?:vocale|di messaggi|è piena)",
            (
                r"(?:utente|cliente|abbonato|numero) (?:da lei )?(?:chiamato|desiderato|selezionato|che) _ "
                r"(?:non|spento|inesistente|occupato)"
            ),
        ),
        likely=(
            r"non (?:posso|possiamo|sono|siamo|riesco)",
            r"(?:rispondere|disponibil\w+|raggiungibil\w+|al telefono)",
            r"(?:appena possibile|prima possibile|più presto|appena (?:posso|possiamo))",
            r"(?:avete|hai|ha) (?:chiamato|raggiunto|contattato)",
        ),
        person=(r"come posso|in cosa|chi (?:è|parla)|mi dica|posso aiutar|richiami|richiamami",),
        asked=(
            (
                r"(?<!se )(?:vuole|vuoi|desidera|posso|può|potrei|devo|preferisce) _ (?:lasciare|riferire|prendere) _ "
                r"(?:messaggio|nome)"
            ),
            r"non (?:è|sono) (?:la |una )?segreteria telefonica",
        ),
    ),
    "pt": Machine(
        sure=(
            r"(?:deixe|deixa|deixem|grave|deixar|gravar) _ (?:mensagem|recado|nome|número|contacto|contato)",
            r"(?:após|depois (?:do|de|da)|ao ouvir)(?: o| a)? (?:\w+ )?(?:sinal|bip|bipe|tom|apito)",
            (
                r"(?:encaminhad\w+|direcionad\w+|transferid\w+|ligou|chamada) _ "
                r"(?:caixa postal|correio de voz|caixa de (?:correio|mensagens)|secretária eletr[oô]nica|atendedor)"
            ),
            r"(?:caixa postal|correio de voz|caixa de mensagens|secretária eletr[oô]nica|atendedor \w+) (?:de|do|da|está)",
            (
                r"(?:que|para o qual|para onde) (?:\w+ )?(?:ligou|discou|marcou|chamou|contactar) _ "
                r"(?:não|desligado|indisponível|fora)"
            ),
            r"(?:telefone|número|cliente|telemóvel) (?:chamado|discado|marcado) _ (?:não|desligado|indisponível|fora)",
        ),
        likely=(
            r"não (?:posso|podemos|estou|estamos|consigo)",
            r"(?:atender|disponíve(?:l|is)|ao telefone)",
            r"(?:assim que|logo que|mais breve|brevemente|em breve|mais rápido)",
            r"(?:ligou|ligaram|contactou) (?:para|com)",
        ),
        person=(r"(?:em que|como|no que) (?:\w+ )?posso|quem (?:é|fala)|posso ajudar|pode falar|diga|me liga",),
        asked=(
            r"(?<!se )(?:quer|deseja|posso|gostaria|queria) _ (?:deixar|anotar) _ (?:mensagem|recado)",
            r"não é (?:a |uma |o )?(?:caixa postal|secretária|atendedor|correio)",
        ),
    ),
    "pl": Machine(
        sure=(
            (
                r"(?:zostaw|zostawić|zostawcie|zostawienie|nagraj|nagrać|nagranie) _ "
                r"(?:wiadomość|wiadomości|imię|numer|nazwisko)"
            ),
            r"po (?:\w+ )?(?:sygnale|dźwięku|tonie|usłyszeniu)",
            r"(?:tu|to|witamy|dodzwonił\w+|włączyła|przekierowan\w+) _ (?:poczt|skrzynk)\w+ (?:głosow|poczt)\w+",
            r"(?:poczt|skrzynk)\w+ głosow\w+ (?:numeru|abonenta|jest)",
            r"(?:abonent|numer|osoba) _ (?:niedostępn\w+|nie odpowiada|nie może|wyłączony|poza zasięgiem)",
        ),
        likely=(
            r"nie (?:mogę|możemy|jestem|jesteśmy|ma mnie|ma nas)",
            r"(?:odebrać|dostępn\w+|podejść)",
            r"(?:najszybciej|jak tylko|możliwie|wkrótce)",
            r"dodzwonił\w+ się do",
        ),
        person=(r"w czym (?:mogę|pomóc)|kto mówi|słucham|mogę pomóc|proszę zadzwonić|zadzwoń",),
        asked=(
            r"(?:czy|mam|mogę) _ (?:zostawić|przekazać) _ wiadomość",
            r"nie (?:jest )?(?:poczta|automat|sekretarka)",
        ),
    ),
    "ru": Machine(
        sure=(
            r"(?:оставьте|оставить|запишите|продиктуйте|оставляйте) _ (?:сообщени\w+|имя|номер|телефон)",
            r"после (?:\w+ ){0,2}(?:сигнала|гудка|тона)",
            r"(?:позвонили|попали|дозвонились|говорит|приветствует|это) _ (?:автоответчик\w*|голосов\w+ почт\w+)",
            r"(?:автоответчик|голосов\w+ почт\w+) (?:компании|абонента|семьи)",
            r"(?:абонента?|набранный|вызываемый) _ (?:недоступен|не доступен|не отвечает|не может|выключен|вне зоны|временно)",
        ),
        likely=(
            r"не (?:могу|можем)|(?:меня|нас) (?:\w+ )?нет",
            r"(?:ответить|подойти|взять трубку|на месте|дома)",
            r"(?:как только|в ближайшее|при первой)",
            r"вы (?:позвонили|дозвонились)",
        ),
        person=(r"чем (?:\w+ )?могу|кто (?:это|говорит)|слушаю|могу (?:\w+ )?помочь|перезвоните",),
        asked=(
            r"(?<!если )(?<!если вы )(?:хотите|желаете|можно|могу|что) _ (?:передать|оставить)(?: \w+){0,3}",
            r"не (?:автоответчик|голосов\w+)",
        ),
    ),
    "ja": Machine(
        sure=(
            r"留守番電話|留守電(?:に|サービス)|伝言サービス",
            r"(?:発信音|信号音|ピー)(?:と(?:いう|鳴)\w{0,6})?の?(?:あと|後)",
            r"(?:メッセージ|ご用件|伝言|お名前)\w{0,14}(?:お話し?(?:くださ|下さ)い|お?残し|お入れ|録音|どうぞ)",
            r"おかけになった(?:お?電話|番号)|電波の届かない|電源が入ってい?ない",
            r"電話に(?:出る|出られ)\w{0,4}(?:こと|ませ)|(?:ただいま|ただ今|只今)\w{0,6}(?:留守|出られません)",
        ),
        asked=(r"(?:伝言|メッセージ)\w{0,8}(?:しましょうか|いたしましょうか|ますか)",),
        word_borders=False,
    ),
}
