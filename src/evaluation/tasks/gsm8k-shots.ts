/**
 * Five worked examples in the form of GSM8K's training rows, calculator annotations included, written for this project:
 * the same for every model, with or without a network. The harness draws five random training rows instead.
 */
export const shots: readonly { question: string; answer: string }[] = [
  {
    question:
      'Marta bakes 36 rolls on Saturday and a third as many on Sunday. How many rolls does she bake in both days?',
    answer:
      'On Sunday Marta bakes 36/3 = <<36/3=12>>12 rolls.\nIn both days she bakes 36+12 = <<36+12=48>>48 rolls.\n#### 48',
  },
  {
    question:
      'A ticket to the museum costs $8 for an adult and half of that for a child. What do two adults and three children pay?',
    answer:
      'A child pays 8/2 = $<<8/2=4>>4.\nThe adults pay 2*8 = $<<2*8=16>>16.\nThe children pay 3*4 = $<<3*4=12>>12.\nTogether they pay 16+12 = $<<16+12=28>>28.\n#### 28',
  },
  {
    question:
      'Otto reads 15 pages every evening. His book has 400 pages, and he has read for 12 evenings. How many pages are left?',
    answer:
      'In 12 evenings Otto has read 15*12 = <<15*12=180>>180 pages.\nThere are 400-180 = <<400-180=220>>220 pages left.\n#### 220',
  },
  {
    question:
      'A farmer fills 25 crates with 40 apples each. A tenth of the apples are bruised, and he keeps those for juice. How many apples can he sell?',
    answer:
      'The farmer has 25*40 = <<25*40=1000>>1000 apples.\nOf these, 1000/10 = <<1000/10=100>>100 are bruised.\nHe can sell 1000-100 = <<1000-100=900>>900 apples.\n#### 900',
  },
  {
    question:
      'Lena earns $14 an hour and works 6 hours a day for 5 days. She spends $95 of it on food. How much money has she left?',
    answer:
      'Lena works 6*5 = <<6*5=30>>30 hours.\nShe earns 30*14 = $<<30*14=420>>420.\nAfter buying food she has 420-95 = $<<420-95=325>>325 left.\n#### 325',
  },
];
